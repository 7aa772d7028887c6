#ifndef PUSH_DEVICE_LABELS_H
#define PUSH_DEVICE_LABELS_H

#include <stdint.h>

/* What a device says of itself. */

#define PUSH_APP_MAX    64  /* bytes; with the device id it is the identity */
#define PUSH_LABELS_MAX 192 /* bytes of all labels; the last ones are cut */

typedef enum push_label_t {
    PUSH_LABEL_DEVICE,
    PUSH_LABEL_APP,
    PUSH_LABEL_ADDRESS,
    PUSH_LABEL_APP_VERSION,
    PUSH_LABEL_OS,
    PUSH_LABEL_OS_VERSION,
    PUSH_LABEL_LOCALE,
    PUSH_LABEL_USER_AGENT,
    PUSH_LABELS
} push_label_t;

/* The labels' bytes, one behind the other. */
typedef struct push_labels_t {
    uint8_t len[PUSH_LABELS];
    char bytes[];
} push_labels_t;

#endif
