/* Values within JSON by a path of names and indexes. */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "keep.h"

static void release(void *object)
{
    json_decref(object);
}

const json_t *json_keep(json_t *json)
{
    return keep(json, release);
}

const json_t *json_at(const json_t *json, const char *path)
{
    while (json != NULL && *path != '\0') {
        size_t length = strcspn(path, ".");
        const char *step = keep_copy(path, length);

        if (json_is_array(json) && isdigit((unsigned char)*step)) {
            json = json_array_get(json, strtoul(step, NULL, 10));
        }
        else {
            json = json_object_get(json, step);
        }
        path += length + (path[length] == '.');
    }
    return json;
}

static const char *text_of(const json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_ENCODE_ANY) : NULL;

    return text != NULL ? keep(text, free) : "nothing";
}

json_int_t json_int_at(const json_t *json, const char *path)
{
    const json_t *value = json_at(json, path);

    ck_assert_msg(json_is_integer(value), "no integer at %s in %s", path,
                  text_of(json));
    return json_integer_value(value);
}

const char *json_text_at(const json_t *json, const char *path)
{
    const json_t *value = json_at(json, path);

    ck_assert_msg(json_is_string(value), "no string at %s in %s", path,
                  text_of(json));
    return json_string_value(value);
}
