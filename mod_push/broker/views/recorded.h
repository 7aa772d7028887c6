#ifndef PUSH_NODE_RECORDED_H
#define PUSH_NODE_RECORDED_H

#include "broker/library/peer_calls.h"
#include "core/view.h"
#include "store/disk/record.h"

/* What the record of a device in Redis says. */

/* Takes it apart; texts are borrowed.  False: this version cannot read it. */
bool push_recorded_read(const push_viewed_t *viewed,
                        push_device_record_t *record);

/* A message that is for this device (or for any: empty) is for it. */
bool push_recorded_wants(const push_device_record_t *record,
                         push_text_t device);

/* How a message of its user stands for it, and since when (wall ms; 0: not
 * known). */
push_fate_t push_recorded_fate(const push_device_record_t *record,
                               const push_message_view_t *message,
                               int64_t *at);

#endif
