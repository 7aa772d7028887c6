#include "simulation/cluster/texts.h"

#include <stdlib.h>
#include <string.h>

#include "harness/needs.h"

#define ROOM 65536u

typedef struct {
    push_text_t texts[ROOM];
    unsigned count;
} table_t;

static table_t tables[CS_TABLES];

void cs_texts_reset(void)
{
    for (unsigned i = 0; i < CS_TABLES; i++) {
        while (tables[i].count) {
            free((void *)tables[i].texts[--tables[i].count].at);
        }
    }
}

static unsigned find(const table_t *table, push_text_t text)
{
    unsigned i = 0;

    while (i < table->count
           && (table->texts[i].len != text.len
               || memcmp(table->texts[i].at, text.at, text.len))) {
        i++;
    }
    return i;
}

unsigned cs_text_number(cs_table_t which, push_text_t text)
{
    table_t *table = &tables[which];
    unsigned at = which == CS_RECORDS ? table->count : 0;
    char *copy;

    if (!text.len) {
        return 0;
    }
    at = which == CS_RECORDS ? at : find(table, text);
    if (at == table->count) {
        NEEDS(at < ROOM, "there are too many texts");
        copy = malloc(text.len);
        NEEDS(copy != NULL, "no memory for a text");
        memcpy(copy, text.at, text.len);
        table->texts[table->count++] = (push_text_t){copy, text.len};
    }
    return at + 1;
}

push_text_t cs_text_of(cs_table_t table, unsigned number)
{
    return number ? tables[table].texts[number - 1] : (push_text_t){"", 0};
}
