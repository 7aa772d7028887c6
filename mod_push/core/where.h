#ifndef PUSH_WHERE_H
#define PUSH_WHERE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/device_labels.h"
#include "core/text.h"
#include "core/types.h"

/*
 * For which devices of an audience a message is, as it is kept with the
 * message: terms that must all hold (core/predicate.h compiles them), decided
 * by each device when it comes to the message.
 *
 * Of each term what it looks at and how it compares (one byte), the length of
 * its value (one byte) and the value: a text, a version's numbers of 4 bytes
 * each without zeros at the end, of a share both ends and the name of the
 * experiment, or a circle (push_circle_t).  They are sorted: the same terms are
 * the same bytes.
 */

#define PUSH_WHERE_MAX      255  /* bytes */
#define PUSH_WHERE_TERMS    16   /* terms */
#define PUSH_WHERE_TEXT_MAX 1280 /* bytes of it as text */

/* What a term looks at. */
typedef enum push_subject_t {
    PUSH_SUBJECT_ONLINE,
    PUSH_SUBJECT_OS,
    PUSH_SUBJECT_OS_VERSION,
    PUSH_SUBJECT_APP,
    PUSH_SUBJECT_APP_VERSION,
    PUSH_SUBJECT_LOCALE,
    PUSH_SUBJECT_SHARE,
    PUSH_SUBJECT_VARIANT,
    PUSH_SUBJECT_OF,   /* part of the share, never a term of its own */
    PUSH_SUBJECT_NEAR, /* numbers are kept with messages: it is the last */
    PUSH_SUBJECTS
} push_subject_t;

/* How it compares. */
typedef enum push_way_t {
    PUSH_WAY_IS,
    PUSH_WAY_STARTS, /* of a text: it begins with the value */
    PUSH_WAY_FROM,   /* of a version: >= */
    PUSH_WAY_ABOVE,
    PUSH_WAY_TO,
    PUSH_WAY_BELOW,
    PUSH_WAYS
} push_way_t;

/* The first byte of a term: the subject, and from this bit on the way. */
#define PUSH_WAY_SHIFT 4

typedef struct push_term_t {
    push_subject_t subject;
    push_way_t way;
    push_text_t value;
} push_term_t;

/* "os", …: as publishers name it. */
push_text_t push_subject_name(push_subject_t subject);

/* ">=", …; empty where nothing stands before the value. */
const char *push_way_name(push_way_t way);

/* True if one of its terms is about this. */
bool push_where_asks(push_text_t where, push_subject_t subject);

/* True if its value is a version. */
bool push_subject_is_version(push_subject_t subject);

/* Of systems and locales, what only differs in writing is the same. */
char push_subject_fold(push_subject_t subject, char c);

/* Takes the first term off; false if there is none, or not all of it. */
bool push_where_take(push_text_t *where, push_term_t *term);

/* What is known of the device that decides. */
typedef struct push_decider_t {
    const push_labels_t *labels;
    const unsigned char *id; /* of its context */
    bool present;            /* its stream was open at the publish */
    const struct push_places_t *places; /* may be NULL: nobody is anywhere */
} push_decider_t;

/* True if all terms hold; where is one that push_predicate_valid() takes. */
bool push_where_holds(push_text_t where, const push_decider_t *device);

/* The variant that it names; empty if it names none. */
push_text_t push_where_variant(push_text_t where);

/* True if they are terms, whatever their values are. */
bool push_where_formed(push_text_t where);

/*
 * Writes it as text that push_predicate_parse() takes, not terminated, to
 * text[PUSH_WHERE_TEXT_MAX]; returns its length, 0 if it is not formed.
 */
size_t push_where_write(push_text_t where, char *text);

#endif
