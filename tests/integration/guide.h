/*
 * What the guides (docs/guides/) tell a reader to do, as blocks that a test
 * can do: the words behind the three backquotes of a block say which it is.
 *
 *   apache server   a configuration: httpd begins anew with it
 *   console run     "$ command", with what it says below it
 *   console stream  one command that goes on: what comes of it until the
 *                   next configuration, or the end of the page
 *   LANGUAGE NAME   a file of that name, which has a dot
 *
 * Any other second word, or none, is not done.  In what a command says, "…"
 * stands for anything within a line, alone on a line for any lines; where a
 * line that ends in a comma is followed by one that begins with a space, both
 * are one; how much space a line begins with, how many spaces there are, and
 * how many empty lines, does not matter.  A command goes on behind a backslash
 * at the end of its line, and behind <<'END' up to the line END.
 */
#ifndef INTEGRATION_GUIDE_H
#define INTEGRATION_GUIDE_H

#include <stdbool.h>

struct guide_block {
    const char *language; /* NULL behind the last one */
    const char *mark;     /* the second word, "" where there is none */
    const char *text;
    int line; /* of its first backquotes in the page */
};

/* One command of a block, and what it says. */
struct guide_step {
    const char *command; /* NULL behind the last one */
    const char *says;
};

/* Read all blocks of a page; they live until the test ends. Fails the test
 * where a block has no end. */
const struct guide_block *guide_read(const char *page);

/* Take a console block apart; the steps live until the test ends. Fails the
 * test where it does not begin with a command. */
const struct guide_step *guide_steps(const struct guide_block *block);

/* True where said is what says stands for; with more, also where it goes on
 * with further lines. */
bool guide_agrees(const char *says, const char *said, bool more);

#endif
