/*
 * How long a connection has for what, ms. Apart, and without imports: so
 * bundlers put the numbers where they are used.
 */
/** A stream that lived this long lets the next wait be short again, ms. */
export const PROVEN = 10000;
/** What came while we slept has this long to be read before we judge, ms. */
export const DRAIN = 200;
/** Handlers have this long to finish when the client is closed, ms. */
export const LAST_CALL = 4000;
/** What they finished has this long to be acknowledged then, ms. */
export const LAST_WORD = 900;
