#include "http/prefer.h"

#include <apr_strings.h>
#include <string.h>

#include "core/ids.h"

const char *push_prefer_wait(request_rec *r, uint64_t *seconds)
{
    const char *prefer = apr_table_get(r->headers_in, "Prefer");
    char *list = apr_pstrdup(r->pool, prefer ? prefer : "");
    char *next = NULL;

    for (char *one = apr_strtok(list, ",;", &next); one;
         one = apr_strtok(NULL, ",;", &next)) {
        apr_collapse_spaces(one, one);
        if (!strncasecmp(one, "wait=", 5)
            && push_number_parse(one + 5, strlen(one + 5), seconds)) {
            return one;
        }
    }
    return NULL;
}
