/*
 * parser.h - the event stream format (WHATWG HTML, section 9.2.6), fed bytes.
 *
 * Knows nothing of sockets, sessions or time. One thread at a time.
 */
#ifndef PUSHC_PARSER_H
#define PUSHC_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "mem.h"

/* One block of the stream. Borrowed until the next call on the parser. */
struct pushc_block {
    const char *event; /* "message" where the stream gave none */
    const char *data;  /* NUL-terminated; may contain NULs too */
    size_t length;
    const char *id;       /* the last event id, of this block or before */
    const char *encoding; /* field enc, or NULL */
    const char *type, *channel, *urgency, *trace; /* of those names, or NULL */
    uint64_t time;                                /* field time, or 0 */
    int has_id;    /* id was given in this block */
    int has_data;  /* 0: only its id counts */
    int too_large; /* the data were above the limit, and are gone */
    int ack_now;   /* field ack was "now" */
};

enum pushc_parsed {
    PUSHC_PARSED_ALL,       /* every byte is taken, more are needed */
    PUSHC_PARSED_BLOCK,     /* a block; call again for the rest */
    PUSHC_PARSED_TOO_LARGE, /* above a limit; the stream is lost */
    PUSHC_PARSED_NO_MEMORY  /* the stream is lost */
};

/* Bytes of one block that are dropped at most, as too large: beyond that the
 * stream is taken for one that has no end. */
#define PUSHC_DROPPED_MAX ((size_t)64 << 20)

/* Fields that are text, and stand for themselves. */
enum pushc_text {
    PUSHC_TEXT_EVENT,
    PUSHC_TEXT_ENCODING,
    PUSHC_TEXT_TYPE,
    PUSHC_TEXT_CHANNEL,
    PUSHC_TEXT_URGENCY,
    PUSHC_TEXT_TRACE,
    PUSHC_TEXTS
};

struct pushc_parser {
    size_t max;            /* bytes of a line, and of the data of a block */
    struct pushc_buf line; /* a line whose end did not come yet */
    struct pushc_buf data;
    struct pushc_buf id; /* of the block that is being read */
    struct pushc_buf last_id;
    struct pushc_buf texts[PUSHC_TEXTS]; /* of its other fields */
    uint64_t time;
    uint64_t retry; /* ms, clamped; 0: never set */
    int lines;      /* lines of data in this block, at most INT_MAX */
    int has_id;     /* this block has an id */
    int ack_now;    /* this block has ack: now */
    int skip_lf;    /* the last byte was a CR */
    int bom;        /* bytes of the byte order mark seen; 3: past it */
    int delivered;  /* the block in the buffers was handed out */
    int failed;     /* the error of an enum pushc_parsed, for ever */
    int read_on;    /* a block that is too large has no data, no error */
    int too_large;  /* this block is */
    int skipping;   /* the rest of a line that is too long */
    size_t dropped; /* bytes of data of this block that were not kept */
};

/* mem is borrowed. max_bytes: see max, which may change between blocks, as
 * may read_on. */
void pushc_parser_init(struct pushc_parser *p, const struct pushc_mem *mem,
                       size_t max_bytes);
void pushc_parser_cleanup(struct pushc_parser *p);

/* Forget a half block and all but max and read_on, for a new stream. */
void pushc_parser_reset(struct pushc_parser *p);

/* Parse from *bytes, *left of them, up to the end of one block; moves both
 * on. After an error nothing more is parsed. */
enum pushc_parsed pushc_parser_next(struct pushc_parser *p, const char **bytes,
                                    size_t *left, struct pushc_block *block);

#endif
