#ifndef CS_REPLY_H
#define CS_REPLY_H

#include <stdio.h>

#include "core/types.h"

/* What Redis writes (RESP2), and what the library packs into texts. */

void cs_reply_array(FILE *out, unsigned count);
void cs_reply_number(FILE *out, uint64_t number);
void cs_reply_text(FILE *out, push_text_t text);
void cs_reply_string(FILE *out, const char *text);

/* In so many bytes, big-endian. */
void cs_pack(FILE *out, uint64_t number, unsigned bytes);
void cs_pack_text(FILE *out, push_text_t text);

#endif
