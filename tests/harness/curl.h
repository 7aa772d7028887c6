/*
 * curl.h - curl as a client, where a test wants none of ours.
 */
#ifndef HARNESS_CURL_H
#define HARNESS_CURL_H

/* What it reads until the wanted text is there, or the answer ends, or 40 s
 * are over. arguments: for the shell, after -s -k -N. Returns text that lives
 * until the test ends. Of a stream it returns with the next beat. */
const char *curl_until(const char *wanted, const char *arguments);

#endif
