//! The items of the shop.

/// An item left behind at the cloakroom.
#[derive(Debug)]
pub(crate) struct Thing {
    /// The name in forms and carts.
    pub(crate) name: &'static str,
    /// The number on its brass ticket.
    pub(crate) ticket: u16,
    pub(crate) title: &'static str,
    pub(crate) story: &'static str,
    /// In whole euros.
    pub(crate) price: u32,
    /// An SVG element.
    pub(crate) picture: &'static str,
}

macro_rules! thing {
    ($name:literal, $ticket:literal, $price:literal, $title:literal, $story:literal) => {
        Thing {
            name: $name,
            ticket: $ticket,
            title: $title,
            story: $story,
            price: $price,
            picture: include_str!(concat!("../templates/pictures/", $name, ".svg")),
        }
    };
}

pub(crate) static THINGS: &[Thing] = &[
    thing!(
        "top-hat",
        12,
        48,
        "Top hat",
        "Came for the overture and was gone by the interval. Silk, brushed weekly since."
    ),
    thing!(
        "loden-coat",
        27,
        120,
        "Loden coat",
        "Bottle green, deep pockets. The left one still holds a programme from 1958."
    ),
    thing!(
        "umbrella",
        31,
        26,
        "Burgundy umbrella",
        "It rained when it arrived and never again. Opens with a soft, reassuring thump."
    ),
    thing!(
        "opera-glasses",
        44,
        64,
        "Opera glasses",
        "Three times nearer to the soprano, and to whoever sits in the box across."
    ),
    thing!("silk-scarf", 58, 32, "Silk scarf", "Long enough for one dramatic exit. Faintly of bergamot."),
    thing!("evening-gloves", 63, 22, "Evening gloves", "A pair, which is rarer than you would think down here."),
    thing!("walking-cane", 75, 38, "Walking cane", "Brass knob, worn smooth by forty years of applause."),
    thing!("carpet-bag", 86, 74, "Carpet bag", "Roomier than it looks. We have stopped asking what was in it."),
];

pub(crate) fn find(name: &str) -> Option<&'static Thing> {
    THINGS.iter().find(|thing| thing.name == name)
}
