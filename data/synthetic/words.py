"""The words of synthetic titles and genres."""

from typing import Final


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


ADJECTIVES: Final = _listed(
    "Ancient|Bitter|Black|Blind|Blue|Borrowed|Bright|Broken|Burning|Careless|Cold|Crimson|Crooked|Crystal|Dark|"
    "Deadly|Distant|Dreaming|Drowned|Empty|Endless|Faithful|Fallen|Final|Forgotten|Fragile|Frozen|Gentle|Gilded|"
    "Glass|Golden|Hidden|Hollow|Honest|Hungry|Impossible|Invisible|Iron|Last|Little|Lonely|Long|Lost|Lucky|Midnight|"
    "Missing|Naked|Narrow|Ordinary|Paper|Patient|Perfect|Quiet|Reckless|Red|Restless|Sacred|Salt|Scarlet|Second|"
    "Secret|Shattered|Silent|Silver|Simple|Slow|Stolen|Strange|Stubborn|Sudden|Sweet|Tender|Unfinished|Unknown|"
    "Vanishing|Velvet|Wandering|White|Wicked|Wild|Winter|Wooden|Wounded|Young"
)
NOUNS: Final = _listed(
    "Account|Alphabet|Anatomy|Angel|Apprentice|Archive|Arrow|Ashes|Atlas|Bargain|Beekeeper|Bell|Bird|Bone|Bookshop|"
    "Bride|Bridge|Cartographer|Castle|Children|Circle|City|Clockmaker|Cloud|Compass|Confession|Country|Crown|Curse|"
    "Daughter|Debt|Desert|Diary|Door|Dragon|Echo|Empire|Engine|Feather|Fire|Flight|Forest|Fortune|Funeral|Garden|"
    "Gate|Ghost|Gift|Guest|Harbor|Harvest|Heart|Heir|Hero|History|Horizon|Horse|Hour|House|Hunter|Inheritance|Island|"
    "Journey|Judge|Key|King|Kitchen|Knife|Lantern|Letter|Library|Lie|Light|Lighthouse|Locksmith|Machine|Map|Mask|"
    "Memory|Mercy|Mirror|Moon|Mother|Mountain|Museum|Music|Neighbor|Night|Notebook|Oath|Ocean|Orchard|Orphan|Painter|"
    "Photograph|Pilgrim|Pirate|Planet|Poet|Portrait|Promise|Proof|Queen|Question|Rain|River|Road|Room|Rose|Sailor|"
    "Scholar|Sea|Season|Shadow|Shore|Sister|Sky|Snow|Soldier|Song|Spy|Star|Stone|Storm|Story|Stranger|Summer|Sword|"
    "Tailor|Theorem|Thief|Throne|Tide|Tiger|Tower|Train|Traitor|Translator|Treasure|Tree|Truth|Valley|Violin|Visitor|"
    "Voyage|War|Water|Weaver|Wedding|Widow|Wind|Window|Winter|Witch|Wolf|Woman|Wood|Year"
)
PLACES: Final = _listed(
    "Alexandria|Antwerp|Avalon|Baltimore|Bombay|Boston|Brooklyn|Buenos Aires|Cairo|Calcutta|Cape Town|Casablanca|"
    "Córdoba|Dresden|Dublin|Edinburgh|Florence|Galway|Havana|Istanbul|Jerusalem|Kraków|Kyoto|Lisbon|Málaga|Marrakesh|"
    "Memphis|Montréal|Moscow|Naples|New Orleans|Odessa|Oslo|Paris|Prague|Québec|Reykjavík|Riga|Rome|Samarkand|"
    "San Juan|Savannah|Seville|Shanghai|St. Petersburg|Tangier|Tokyo|Trieste|Venice|Vienna|Warsaw|Zürich"
)
FIRST_NAMES: Final = _listed(
    "Ada|Agnes|Amara|Anton|Beatriz|Björn|Clara|Dmitri|Eleanor|Elif|Emeka|Esther|Farid|Félix|Greta|Hana|Hugo|Ines|"
    "Ivan|Jasper|Joan|Kaito|Leila|Lena|Leo|Magda|Marcus|Mei|Nadia|Noor|Olga|Oscar|Pablo|Priya|Ruth|Samir|Søren|Tess|"
    "Thomas|Vera|Viktor|Walter|Yusuf|Zoë"
)
SURNAMES: Final = _listed(
    "Abbott|Adeyemi|Almeida|Bennett|Bianchi|Caldwell|Castro|Delacroix|Dvořák|Eriksen|Farouk|Fitzgerald|Grant|"
    "Hargrove|Hayashi|Ibarra|Ivanov|Jensen|Kaplan|Kowalska|Laurent|Lindqvist|MacLeod|Marlowe|Nakamura|Novák|O'Brien|"
    "Okafor|Osman|Pereira|Quinn|Rahman|Romano|Sinclair|Sokolov|Suzuki|Tanaka|Thorne|Vance|Vasquez|Weiss|Whitlock|"
    "Yilmaz|Zhang"
)
# Beginnings and ends of titles, one language per pair.
FOREIGN: Final = (
    ("Le Cœur|La Forêt|L'Été|Les Étoiles|La Clé", "de l'hiver|des oubliés|à la dérive|du père Noël|sans mémoire"),
    (
        "Das Mädchen|Die Brücke|Der Schlüssel|Die Bücher|Das Haus",
        "über dem Fluss|der Könige|ohne Türen|im Schnee|am See",
    ),
    ("El Corazón|La Niña|El Sueño|Los Años|La Montaña", "del otoño|de Peñíscola|más allá|del último tren|según Tomás"),
    ("Łódka|Księga|Cień|Miłość|Życie", "na końcu świata|pośród róż|z Łodzi|bez dźwięku|w śniegu"),
    ("Тень|Письма|Дом|Песня|Ночь", "над морем|без адреса|забытых имён|старого города|над рекой"),
    ("雪の|海の|月の|夜の|風の", "図書館|手紙|庭|旅人|約束"),
)
# The main genre of a taste group is one of these.
MAIN_GENRES: Final = _listed(
    "Fantasy|Mystery|Romance|Science Fiction|History|Thriller|Biography|Horror|Poetry|Children's Books|Philosophy|"
    "Travel|Cooking|Young Adult|Self-Help|Graphic Novels|Religion & Spirituality|Business|Science|Westerns|Art|"
    "True Crime|Humor|Drama"
)
# These may come with any book.
OTHER_GENRES: Final = _listed("Fiction|Nonfiction|Classics|Contemporary|Literature, General|Adventure|Series")
