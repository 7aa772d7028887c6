/*
 * <admin>/metrics as a strict reader takes it: text format 0.0.4, and
 * OpenMetrics 1.0 as far as the module writes it.
 */
#ifndef SCRAPE_H
#define SCRAPE_H

#include <stdbool.h>

#include "server.h"

struct scrape;

/* Ask for all figures, in OpenMetrics' form or the other.  Fails the test
 * where the answer is not of that form to the letter. */
struct scrape *scrape_take(const struct server *s, bool open);

/* All of the answer. */
const char *scrape_text(const struct scrape *one);

/* The value of a series, named as it stands there.  Fails the test where
 * there is no such series. */
double scrape_value(const struct scrape *one, const char *series);

/* The exemplar's value in a bucket of that name; -1 if it has none. */
double scrape_exemplar(const struct scrape *one, const char *series,
                       const char **trace);

/* Fails the test where a counter, bucket, count or sum of before is lower now,
 * or gone. */
void scrape_expect_no_fall(const struct scrape *before,
                           const struct scrape *now);

/* How many series there are. */
int scrape_count(const struct scrape *one);

#endif
