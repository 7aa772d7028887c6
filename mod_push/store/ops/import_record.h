#ifndef PUSH_IMPORT_RECORD_H
#define PUSH_IMPORT_RECORD_H

#include "core/device.h"
#include "store/disk/record.h"

/* What the record of a device says, before the device is here. */

/* How many logs a device may follow: its user's, the broadcast, channels. */
#define PUSH_IMPORT_LOGS (PUSH_SUBSCRIPTION_CHANNELS + PUSH_CHANNELS_MAX)

/* False: it is none of this id, or of a version that this node cannot read. */
bool push_import_read(push_text_t record, const unsigned char *id,
                      push_device_record_t *device);

/*
 * The channels that the record names, borrowed from it, at most
 * PUSH_CHANNELS_MAX; false: it cannot be read.
 */
bool push_import_channels(push_text_t record, const unsigned char *id,
                          push_text_t *channels, unsigned *count);

/*
 * Up to which tick each of its logs was known where the record, and the session
 * that goes with it, were written: of its user, the broadcast, and the channels
 * as push_import_channels() has them.  One that is here up to less lacks what
 * the device may have acknowledged.  How many there are; 0: the record cannot
 * be read.
 */
unsigned push_import_ticks(push_text_t record, const unsigned char *id,
                           push_text_t session,
                           uint64_t ticks[PUSH_IMPORT_LOGS]);

#endif
