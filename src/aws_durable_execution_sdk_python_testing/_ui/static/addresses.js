// The part of the page's address after the #: which view is shown, and of what.

const ONE = "#/execution/";

export const executionHref = (arn) => `${ONE}${encodeURIComponent(arn)}`;

/** The execution that an address is of; null where it is the list's. */
export const executionAt = (hash) => (hash.startsWith(ONE) ? decodeURIComponent(hash.slice(ONE.length)) : null);
