#ifndef PUSH_CAPTURE_SETTINGS_H
#define PUSH_CAPTURE_SETTINGS_H

#include <apr_tables.h>

#include "core/types.h"

/* What becomes of an application's answers, as http/capture reads it. */

/* PushCapture; each one does what those before it do. */
typedef enum push_capture_mode_t {
    PUSH_CAPTURE_UNSET,
    PUSH_CAPTURE_OFF,
    PUSH_CAPTURE_HEADERS, /* messages are read from headers */
    PUSH_CAPTURE_TEE,     /* the body of an answer may be one, too */
    PUSH_CAPTURE_CONSUME  /* and then the client gets the receipt instead */
} push_capture_mode_t;

/* PushCaptureOnce. */
typedef enum push_capture_once_t {
    PUSH_CAPTURE_ONCE_UNSET,
    PUSH_CAPTURE_ONCE_ON, /* also if it is not set */
    PUSH_CAPTURE_ONCE_OFF
} push_capture_once_t;

/* PushGripKey. */
typedef struct push_grip_t {
    const char *issuer; /* printable ASCII without quotes and backslashes */
    push_text_t key;
} push_grip_t;

/* For a directory.  NULL: not set. */
typedef struct push_capture_settings_t {
    push_capture_mode_t mode;
    push_capture_once_t once;
    const apr_array_header_t *allowed; /* const char *: scopes */
    const apr_array_header_t *holds;   /* const char *: patterns of channels */
    const apr_array_header_t *hold_users; /* likewise, of users */
    const push_grip_t *grip;
} push_capture_settings_t;

#endif
