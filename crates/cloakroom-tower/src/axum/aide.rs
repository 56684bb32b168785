//! aide: the form extractor documents itself.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody, Response, SchemaObject};
use aide::operation::set_body;
use schemars::JsonSchema;

use super::CheckedForm;

/// Documents the form, and the statuses of forms that are refused. The token's field isn't
/// documented, because a page of the application adds it.
impl<T: JsonSchema> OperationInput for CheckedForm<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        let json_schema = context.schema.subschema_for::<T>();
        let description = context.resolve_schema(&json_schema).get("description").and_then(|it| it.as_str());
        let description = description.map(str::to_owned);
        let schema = Some(SchemaObject { json_schema, example: None, external_docs: None });
        let form = ("application/x-www-form-urlencoded".to_owned(), MediaType { schema, ..MediaType::default() });
        let body = RequestBody {
            description,
            content: [form].into_iter().collect(),
            required: true,
            ..RequestBody::default()
        };
        set_body(context, operation, body);
    }

    fn inferred_early_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        let rows = [
            (403, "The request comes from another site, or its CSRF token is missing or wrong."),
            (413, "The form is too large."),
            (415, "The body isn't a URL-encoded form."),
            (422, "The form's fields are missing or wrong."),
            (503, "The sessions are unavailable; `Retry-After` says when to try again."),
        ];
        let documented = |(status, description): (u16, &str)| {
            (Some(status), Response { description: description.to_owned(), ..Response::default() })
        };
        rows.map(documented).into()
    }
}
