#include "curl.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"

#define ROOM 65536

const char *curl_until(const char *wanted, const char *arguments)
{
    char *text = keep(calloc(1, ROOM), free);
    FILE *f = popen(keep_printf("curl -s -k -N --max-time 40 %s", arguments),
                    "r");
    size_t used = 0;

    ck_assert_ptr_nonnull(f);
    while (strstr(text, wanted) == NULL && used < ROOM - 1
           && fgets(text + used, (int)(ROOM - used), f) != NULL) {
        used += strlen(text + used);
    }
    /* A stream's curl ends when it can write the next beat to nobody. */
    pclose(f);
    return text;
}
