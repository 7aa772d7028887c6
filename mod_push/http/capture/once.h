#ifndef PUSH_ONCE_H
#define PUSH_ONCE_H

#include <httpd.h>

#include "core/publication.h"

/*
 * Answers that say again what the last one said: who reads a page changes
 * nothing, so of many readers only the first after a change is published
 * (PushCaptureOnce).
 */

/*
 * Notes that the answer to r has this message.  False: the last one with this
 * audience and Topic was the same, and r is a GET.
 */
bool push_once_differs(const request_rec *r, const push_publication_t *asked);

/* It was not published after all: the same would be published. */
void push_once_forget(const request_rec *r, const push_publication_t *asked);

#endif
