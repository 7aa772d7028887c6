#ifndef PUSH_SCAN_H
#define PUSH_SCAN_H

#include "http/publish/members.h"

/*
 * Reads a line in one pass, for lines as publishers write them.
 * What it takes push_members_load() takes too, with the same members.  False:
 * it is for that function to decide; members are undefined.  Not taken are,
 * besides what is wrong: escapes in names and in strings of the line itself
 * (in those of a value only \u), exponents, very long numbers, deep nesting,
 * and objects with very many members.
 */
bool push_members_scan(apr_pool_t *pool, push_text_t line,
                       push_member_t *members);

#endif
