/*
 * What the files of the model share.
 */
#ifndef HARNESS_LIBRARY_MODEL_PART_H
#define HARNESS_LIBRARY_MODEL_PART_H

#include "library_model_calls.h"

/* The next one of the partition. */
uint64_t model_tick(struct model *m);

/* Whether the owner has drained in the last 15 s. */
bool model_is_alive(const struct model *m, unsigned owner);

/* To all who follow its log.  Gives the connected. */
uint32_t model_tell(struct model *m, const struct model_entry *entry,
                    uint32_t *subscribers);

/* What says what the server subscribes the user to. */
struct model_entry model_tags_entry(const struct model *m, unsigned log,
                                    uint64_t tick);

/* Into the owner's inbox; false where it is silent. */
bool model_post(struct model *m, unsigned owner,
                const struct model_entry *entry);

#endif
