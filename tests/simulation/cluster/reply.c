#include "simulation/cluster/reply.h"

#include <inttypes.h>
#include <string.h>

void cs_reply_array(FILE *out, unsigned count)
{
    fprintf(out, "*%u\r\n", count);
}

void cs_reply_number(FILE *out, uint64_t number)
{
    fprintf(out, ":%" PRIu64 "\r\n", number);
}

void cs_pack_text(FILE *out, push_text_t text)
{
    if (text.len) {
        fwrite(text.at, 1, text.len, out);
    }
}

void cs_reply_text(FILE *out, push_text_t text)
{
    fprintf(out, "$%u\r\n", text.len);
    cs_pack_text(out, text);
    fputs("\r\n", out);
}

void cs_reply_string(FILE *out, const char *text)
{
    cs_reply_text(out, (push_text_t){text, (uint32_t)strlen(text)});
}

void cs_pack(FILE *out, uint64_t number, unsigned bytes)
{
    while (bytes--) {
        fputc((int)(number >> (8 * bytes) & 255), out);
    }
}
