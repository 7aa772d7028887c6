#ifndef PUSH_OUTGOING_EASY_H
#define PUSH_OUTGOING_EASY_H

#include <curl/curl.h>
#include <stdint.h>

/*
 * Sets what holds for each request of the server's own: it is HTTP, goes to
 * the address that the configuration says and to no other, by no proxy of the
 * environment and no redirect; a certificate is looked at; and no signal is
 * used.  All else is the caller's.
 */
void push_outgoing_prepare(CURL *easy);

/* Where the next one goes, and the ms in which it is over. */
void push_outgoing_address(CURL *easy, const char *url, int64_t ms);

#endif
