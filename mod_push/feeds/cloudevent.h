#ifndef PUSH_CLOUDEVENT_H
#define PUSH_CLOUDEVENT_H

#include "feeds/note.h"

/* The content type of the texts. */
#define PUSH_CLOUDEVENT_TYPE "application/cloudevents+json"

/*
 * The note as a structured CloudEvent 1.0 (docs/protocol.md, "The server's own
 * channels"), which the caller frees; NULL: there is no memory.
 */
char *push_cloudevent_make(const push_note_t *note);

#endif
