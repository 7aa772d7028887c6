/*
 * Whether what Redis has, and what the library answers, is what the model says.
 */
#ifndef LIBRARY_COMPARE_H
#define LIBRARY_COMPARE_H

#include "harness/library_model_calls.h"
#include "library_kit.h"

/* Its names for the model's numbers; they live until the test ends. */
push_text_t compare_log(unsigned log);
push_text_t compare_topic(unsigned topic);
push_text_t compare_device(unsigned device);
push_text_t compare_record(unsigned record);
push_text_t compare_session(unsigned session);
push_text_t compare_tag(unsigned channel);
/* PUSH_CONTEXT_BYTES, PUSH_KEY_BYTES */
const unsigned char *compare_context(unsigned device);
const unsigned char *compare_key(unsigned key);
unsigned compare_owner(unsigned owner);

/* Each fails the test where they differ. */
void compare_entries(push_pieces_t run, const struct model_entries *entries);
void compare_state(struct library *l, const struct model *m);

#endif
