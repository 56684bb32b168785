//! A conditional write of one item, as a request or as a part of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};

use crate::item::Attributes;

/// A write of one item.
///
/// In expressions, `#name` is the attribute of this name, so that no name is a reserved word of
/// DynamoDB, and `:name` the value of this name.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) key: Attributes,
    pub(crate) change: Change,
    pub(crate) condition: Option<String>,
    values: Vec<(&'static str, AttributeValue)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Replaces all attributes.
    Put(Attributes),
    /// Sets and removes some.
    Update(String),
    Delete,
}

impl Write {
    fn new(pk: String, sk: &str, change: Change) -> Self {
        Self { key: item_key(pk, sk), change, condition: None, values: Vec::new() }
    }

    pub(crate) fn put(pk: String, sk: &str, attributes: Attributes) -> Self {
        Self::new(pk, sk, Change::Put(attributes))
    }

    pub(crate) fn delete(pk: String, sk: &str) -> Self {
        Self::new(pk, sk, Change::Delete)
    }

    /// Sets these attributes, and removes those without a value.
    pub(crate) fn update(pk: String, sk: &str, changes: Vec<(&'static str, Option<AttributeValue>)>) -> Self {
        let (mut set, mut removed, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in changes {
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    values.push((name, value));
                }
                None => removed.push(format!("#{name}")),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !removed.is_empty() {
            expression = format!("{expression} REMOVE {}", removed.join(", "));
        }
        Self { values, ..Self::new(pk, sk, Change::Update(expression)) }
    }

    /// Adds a condition.
    pub(crate) fn when(mut self, condition: &str) -> Self {
        self.condition = Some(match self.condition {
            Some(before) => format!("({before}) AND ({condition})"),
            None => condition.to_owned(),
        });
        self
    }

    /// Adds a value that a condition names.
    pub(crate) fn with(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.values.push((name, value));
        self
    }

    /// The attributes that its expressions name.
    pub(crate) fn names(&self) -> Option<HashMap<String, String>> {
        let update = match &self.change {
            Change::Update(expression) => expression.as_str(),
            Change::Put(_) | Change::Delete => "",
        };
        names([update, self.condition.as_deref().unwrap_or_default()])
    }

    pub(crate) fn values(&self) -> Option<Attributes> {
        let values = self.values.iter().map(|(name, value)| (format!(":{name}"), value.clone()));
        Some(values.collect::<Attributes>()).filter(|values| !values.is_empty())
    }

    /// All attributes, if it replaces the item.
    pub(crate) fn item(&self) -> Option<Attributes> {
        let Change::Put(attributes) = &self.change else { return None };
        let mut item = attributes.clone();
        item.extend(self.key.clone());
        Some(item)
    }

    /// Returns the write as a part of a transaction.
    pub(crate) fn part(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let part = TransactWriteItem::builder();
        let old = OnFailure::AllOld;
        Ok(match &self.change {
            Change::Put(_) => part.put(
                Put::builder()
                    .table_name(table)
                    .set_item(self.item())
                    .set_condition_expression(self.condition.clone())
                    .set_expression_attribute_names(self.names())
                    .set_expression_attribute_values(self.values())
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
            Change::Update(expression) => part.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(self.key.clone()))
                    .update_expression(expression)
                    .set_condition_expression(self.condition.clone())
                    .set_expression_attribute_names(self.names())
                    .set_expression_attribute_values(self.values())
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
            Change::Delete => part.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(self.key.clone()))
                    .set_condition_expression(self.condition.clone())
                    .set_expression_attribute_names(self.names())
                    .set_expression_attribute_values(self.values())
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
        }
        .build())
    }
}

/// The primary key of an item.
pub(crate) fn item_key(pk: String, sk: &str) -> Attributes {
    [("pk", pk), ("sk", sk.to_owned())].map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).into()
}

/// Returns the names after each `#` in these expressions.
pub(crate) fn names<const N: usize>(expressions: [&str; N]) -> Option<HashMap<String, String>> {
    let names = expressions.into_iter().flat_map(|expression| {
        expression.split('#').skip(1).map(|rest| {
            let end = rest.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(rest.len());
            rest.split_at(end).0.to_owned()
        })
    });
    let names: HashMap<String, String> = names.map(|name| (format!("#{name}"), name)).collect();
    Some(names).filter(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Change, Write};
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn expressions_name_their_attributes_and_values() {
        let value = || AttributeValue::N("1".to_owned());
        let write = Write::update("key".to_owned(), "session", vec![("one", Some(value())), ("two", None)])
            .when("#three = :three")
            .when("attribute_not_exists(#two)")
            .with("three", value());
        let Change::Update(expression) = &write.change else { panic!("{write:?}") };
        assert_eq!(expression, "SET #one = :one REMOVE #two");
        assert_eq!(write.condition.as_deref(), Some("(#three = :three) AND (attribute_not_exists(#two))"));
        let sorted = |names: Vec<&String>| {
            let mut names: Vec<_> = names.into_iter().map(String::as_str).collect();
            names.sort_unstable();
            names.join(" ")
        };
        assert_eq!(sorted(write.names().unwrap().keys().collect()), "#one #three #two");
        assert_eq!(sorted(write.values().unwrap().keys().collect()), ":one :three");
    }
}
