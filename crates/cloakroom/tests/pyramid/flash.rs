//! 19 to 27: flash messages.

use crate::world::World;

/// Two messages in the default queue, two in another, seen by the next request.
fn waiting() -> World {
    let mut world = World::signed();
    world.visit(|session| {
        session.flash("msg1").unwrap();
        session.flash("msg2").unwrap();
        session.flash_queue("warn").flash("warn1").unwrap();
        session.flash_queue("warn").flash("warn2").unwrap();
    });
    world
}

pub(crate) fn in_order() {
    waiting().visit(|session| {
        assert_eq!(session.peek_flash::<String>("").unwrap(), ["msg1", "msg2"]);
        assert!(session.is_empty(), "they are no keys");
        session.insert("_f_", "mine").unwrap();
        session.clear();
        assert_eq!(session.peek_flash::<String>("").unwrap(), ["msg1", "msg2"]);
    });
}

pub(crate) fn duplicates() {
    waiting().visit(|session| {
        let all = || session.peek_flash::<String>("").unwrap();
        session.flash_queue("").no_duplicates().flash("msg1").unwrap();
        assert_eq!(all(), ["msg1", "msg2"]);
        session.flash_queue("").no_duplicates().flash("msg3").unwrap();
        assert_eq!(all(), ["msg1", "msg2", "msg3"]);
        session.flash_queue("").no_duplicates().flash("warn1").unwrap();
        assert_eq!(all().len(), 4, "it waits in another queue");
        session.flash("msg1").unwrap();
        assert_eq!(all(), ["msg1", "msg2", "msg3", "warn1", "msg1"]);
    });
}

pub(crate) fn queues() {
    waiting().visit(|session| {
        assert_eq!(session.peek_flash::<String>("warn").unwrap(), ["warn1", "warn2"]);
        assert_eq!(session.peek_flash::<String>("").unwrap(), ["msg1", "msg2"]);
        assert!(session.peek_flash::<String>("other").unwrap().is_empty());
    });
}

pub(crate) fn pop() {
    for (queue, expected, other) in [("", ["msg1", "msg2"], "warn"), ("warn", ["warn1", "warn2"], "")] {
        let mut world = waiting();
        world.visit(|session| {
            assert_eq!(session.pop_flash::<String>(queue).unwrap(), expected);
            assert!(session.pop_flash::<String>(queue).unwrap().is_empty());
        });
        world.visit(|session| {
            assert!(session.peek_flash::<String>(queue).unwrap().is_empty(), "{queue:?}");
            assert_eq!(session.peek_flash::<String>(other).unwrap().len(), 2, "{queue:?}");
        });
    }
}

pub(crate) fn peek() {
    for (queue, expected) in [("", ["msg1", "msg2"]), ("warn", ["warn1", "warn2"])] {
        let mut world = waiting();
        for _ in 0..2 {
            let lines = world.visit(|it| assert_eq!(it.peek_flash::<String>(queue).unwrap(), expected));
            assert!(lines.is_empty());
        }
    }
}
