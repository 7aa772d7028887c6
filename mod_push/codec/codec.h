#ifndef PUSH_CODEC_H
#define PUSH_CODEC_H

#include "codec/forms.h"
#include "codec/output.h"
#include "core/message.h"

/*
 * How a stream looks on a wire.  A codec is a table of functions that add to
 * an output; it knows no socket, no clock and no stream, and keeps nothing
 * from one call to the next but the forms that its caller keeps.
 */

/*
 * The members of a message that a client asked for besides those that all get.
 */
#define PUSH_META_TYPE    1u
#define PUSH_META_CHANNEL 2u
#define PUSH_META_URGENCY 4u
#define PUSH_META_TIME    8u
#define PUSH_META_TRACE   16u
#define PUSH_META_ALL     31u

/*
 * A place in a message that is written in parts: where a line of its payload
 * begins, and how many bytes go before it.  The next part looks for line ends
 * from there on.  Zeroed, it is the message's beginning.
 */
typedef struct push_resume_t {
    uint32_t payload; /* bytes of the payload */
    uint32_t wire;    /* bytes of what the codec writes */
} push_resume_t;

/* A message as one stream is sent it. */
typedef struct push_letter_t {
    const push_message_t *message; /* borrowed until the output is written */
    uint64_t seq;
    push_text_t device;  /* the id made up for the device; empty: it has one */
    push_text_t channel; /* of PUSH_META_CHANNEL: its name; empty for none */
    unsigned meta;       /* PUSH_META_* */
    push_forms_t *forms; /* what was made of payloads; NULL: nothing is kept */
    push_resume_t
        resume; /* not behind what is skipped; moved on by message() */
} push_letter_t;

/* Why a stream ends, and when its client may come again. */
typedef struct push_notice_t {
    const char *reason;
    uint32_t retry_ms;
    uint32_t spread_ms;
} push_notice_t;

/* The separators of a batch, which is a poll's whole answer. */
typedef enum push_seam_t {
    PUSH_SEAM_BEGIN,    /* before the gaps */
    PUSH_SEAM_NEXT,     /* between two of either */
    PUSH_SEAM_MESSAGES, /* between the gaps and the messages */
    PUSH_SEAM_END       /* behind the messages, before batch_end() */
} push_seam_t;

/* Which codec, for whoever keeps it in a few bits or sends it elsewhere. */
typedef enum push_codec_kind_t {
    PUSH_CODEC_SSE,
    PUSH_CODEC_JSON,     /* of polls */
    PUSH_CODEC_VERBATIM, /* likewise */
    PUSH_CODEC_BARE,     /* frames of WebSocket, from here on */
    PUSH_CODEC_RAMEN,
    PUSH_CODEC_PROTOBUF
} push_codec_kind_t;

static inline bool push_codec_frames(unsigned kind)
{
    return kind >= PUSH_CODEC_BARE;
}

typedef struct push_codec_t {
    push_codec_kind_t kind;
    const char *name;
    const char *type; /* of the answer's content */
    bool single;      /* a batch is its first message; no others follow */
    void (*message)(push_output_t *out, push_letter_t *letter);
    void (*gap)(push_output_t *out, const push_gap_report_t *gap);
    void (*beat)(push_output_t *out, bool event);
    void (*bye)(push_output_t *out, const push_notice_t *notice);

    /*
     * A batch is begun by a seam, and ended by one and batch_end(): last is
     * its last message, or NULL; more: others wait.  In a stream, which has no
     * end, none of them stand.  NULL: it writes streams only.
     */
    void (*seam)(push_output_t *out, push_seam_t seam);
    void (*batch_end)(push_output_t *out, const push_letter_t *last,
                      bool more);
} push_codec_t;

#endif
