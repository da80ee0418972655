"""Names of columns and keys in the contract and in public exports of reviews.

A message may repeat these. Any other text in a file's first line could come from a row, and so be a user's name.
"""

from collections.abc import Sequence
from typing import Final

_NAMES: Final = (
    # Names, in lower case, of the contract, BookCrossing, goodbooks-10k, the Goodreads export and its scrapers, UCSD's
    # book graph, Amazon's reviews, MovieLens, LibraryThing and StoryGraph.
    """
    user|isbn|ratingof5|genres|
    user-id|book-rating|book-title|book-author|year-of-publication|publisher|image-url-s|image-url-m|image-url-l|location|
    age|user_id|book_id|rating|ratings|work_id|goodreads_book_id|best_book_id|isbn13|title|authors|author|
    original_title|average_rating|ratings_count|work_ratings_count|tag_id|tag_name|count|language_code|
    book id|author l-f|additional authors|my rating|average rating|binding|number of pages|year published|
    original publication year|date read|date added|bookshelves|bookshelves with positions|exclusive shelf|my review|
    spoiler|private notes|read count|owned copies|bookshelf|
    book_title|book_name|stars|review|review_id|review_text|reviewer|date|shelves|shelf|
    is_read|is_reviewed|read_at|started_at|n_votes|n_comments|date_added|date_updated|review_text_incomplete|url|link|
    reviewerid|reviewername|asin|parent_asin|overall|reviewtext|summary|unixreviewtime|reviewtime|helpful|helpful_vote|
    verified_purchase|timestamp|image|images|vote|style|verified|id|price|profilename|review/helpfulness|review/score|
    review/time|review/summary|review/text|categories|category|genre|
    userid|movieid|itemid|item_id|bookid|username|user_name|name|score|star_rating|product_id|customer_id|
    primary author|secondary author|publication|tags|collections|entry date|date started|
    read status|star rating|last date read|dates read|format|isbn/uid|contributors|moods|pace|unnamed: 0|index
    """.replace("\n", "").split("|")
)
KNOWN: Final = frozenset(name.strip() for name in _NAMES)


def is_known(name: str) -> bool:
    """Returns True if a message may repeat `name`."""
    return name.strip().strip('"').lower() in KNOWN


def listed(names: Sequence[str]) -> str:
    """Returns the known ones among `names`, in quotes, and the number of others."""
    known = [repr(name.strip().strip('"')) for name in names if is_known(name)]
    others = len(names) - len(known)
    parts = [*known[:20], *(["…"] if len(known) > 20 else [])]
    if others:
        parts.append(f"{others:,} {'other' if known else 'that are not known'}{'s' if known and others > 1 else ''}")
    return ", ".join(parts)
