use cloakroom::Session;

async fn all(session: Session, messages: Messages) -> Result<(), Error> {
    let cart: Option<Cart> = session.get("cart")?;
    let count = session.get::<u32>("count")?.unwrap_or_default();
    session.insert("count", count + 1)?;
    let old = session.take::<Cart>("cart").map_err(Error::from)?;
    session.cycle_id();
    session.clear();
    session.commit_now().await?;
    session.flash(Message::warning(format!("{count} visits")));
    cache.insert("count", count).await?;
    cache.flush().await?;
    Ok(session.invalidate())
}

async fn fields(state: &State) -> Result<(), tower_sessions::session::Error> {
    state.session.insert("cart", json!([]))?;
    state.session.invalidate();
    Ok(())
}

fn layer(store: MemoryStore) -> SessionManagerLayer<MemoryStore> {
    SessionLayer::new(StoredSessions::new(store).build()?)
}

fn named(session: &cloakroom::Session) {}
