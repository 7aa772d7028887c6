#ifndef PUSH_PREFER_H
#define PUSH_PREFER_H

#include <httpd.h>

#include <stdint.h>

/*
 * The preference `wait` (RFC 7240, section 4.3), as it was written, and its
 * seconds; NULL where there is none, or none that makes sense: such is to be
 * ignored (section 2).
 */
const char *push_prefer_wait(request_rec *r, uint64_t *seconds);

#endif
