use tower_sessions::Session;

async fn all(session: Session, messages: Messages) -> Result<(), Error> {
    let cart: Option<Cart> = session.get("cart").await?;
    let count = session.get::<u32>("count").await?.unwrap_or_default();
    session.insert("count", count + 1).await?;
    let old = session.remove::<Cart>("cart").await.map_err(Error::from)?;
    session.cycle_id().await.map_err(Error::from)?;
    session.clear().await;
    session.save().await?;
    messages.warning(format!("{count} visits"));
    cache.insert("count", count).await?;
    cache.flush().await?;
    Ok(session.flush().await?)
}

async fn fields(state: &State) -> Result<(), tower_sessions::session::Error> {
    state.session.insert_value("cart", json!([])).await?;
    state.session.delete().await.unwrap();
    Ok(())
}

fn layer(store: MemoryStore) -> SessionManagerLayer<MemoryStore> {
    SessionManagerLayer::new(store)
}

fn named(session: &tower_sessions::Session) {}
