//! 19 to 27: flash messages.

use crate::world::World;

/// A visitor with two messages in the default queue and two in another one.
fn waiting() -> World {
    let mut world = World::signed();
    world.visit(|session| {
        session.flash("msg1");
        session.flash("msg2");
        session.flash_queue("warn").push("warn1");
        session.flash_queue("warn").push("warn2");
    });
    world
}

pub(crate) fn in_order() {
    waiting().visit(|session| {
        assert_eq!(session.peek_flash::<String>(), ["msg1", "msg2"]);
        assert!(session.is_empty(), "they are no keys");
        session.insert("_f_", "mine").unwrap();
        session.clear();
        assert_eq!(session.peek_flash::<String>(), ["msg1", "msg2"]);
    });
}

pub(crate) fn duplicates() {
    waiting().visit(|session| {
        let all = || session.peek_flash::<String>();
        session.flash_queue("").push_unique("msg1");
        assert_eq!(all(), ["msg1", "msg2"]);
        session.flash_queue("").push_unique("msg3");
        assert_eq!(all(), ["msg1", "msg2", "msg3"]);
        session.flash_queue("").push_unique("warn1");
        assert_eq!(all().len(), 4, "duplicates in another queue are kept");
        session.flash("msg1");
        assert_eq!(all(), ["msg1", "msg2", "msg3", "warn1", "msg1"]);
    });
}

pub(crate) fn queues() {
    waiting().visit(|session| {
        assert_eq!(session.flash_queue("warn").peek::<String>(), ["warn1", "warn2"]);
        assert_eq!(session.peek_flash::<String>(), ["msg1", "msg2"]);
        assert!(session.flash_queue("other").peek::<String>().is_empty());
    });
}

pub(crate) fn pop() {
    for (queue, expected, other) in [("", ["msg1", "msg2"], "warn"), ("warn", ["warn1", "warn2"], "")] {
        let mut world = waiting();
        world.visit(|session| {
            assert_eq!(session.flash_queue(queue).pop::<String>(), expected);
            assert!(session.flash_queue(queue).pop::<String>().is_empty());
        });
        world.visit(|session| {
            assert!(session.flash_queue(queue).peek::<String>().is_empty(), "{queue:?}");
            assert_eq!(session.flash_queue(other).peek::<String>().len(), 2, "{queue:?}");
        });
    }
}

pub(crate) fn peek() {
    for (queue, expected) in [("", ["msg1", "msg2"]), ("warn", ["warn1", "warn2"])] {
        let mut world = waiting();
        for _ in 0..2 {
            let lines = world.visit(|it| assert_eq!(it.flash_queue(queue).peek::<String>(), expected));
            assert!(lines.is_empty());
        }
    }
}
