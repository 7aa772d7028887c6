#include <stdarg.h>
#include <stdlib.h>

#include "checker/checker.h"
#include "simulation/story.h"

double sim_stamp(sim_t *s)
{
    return (double)s->now.mono + (double)s->stamps++ * 1e-6;
}

static void tell(sim_t *s, double at, const char *format, va_list args)
{
    fprintf(s->story, "{\"t\":%.6f,", at);
    vfprintf(s->story, format, args);
    fputs("}\n", s->story);
}

void sim_tell(sim_t *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(s, sim_stamp(s), format, args);
    va_end(args);
}

void sim_tell_at(sim_t *s, double at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(s, at, format, args);
    va_end(args);
}

void sim_violation(sim_t *s, const char *format, ...)
{
    va_list args;

    s->violations++;
    va_start(args, format);
    vfprintf(s->said, format, args);
    va_end(args);
    fputc('\n', s->said);
}

/*
 * The broadcast is a channel that every device follows once it is known; the
 * device itself, whatever its life, is one that it follows alone.
 */
void sim_tell_device(sim_t *s, int client, bool follows)
{
    sim_tell(s,
             "\"what\":\"device\",\"device\":\"%d.%u\",\"user\":\"u%d\","
             "\"channels\":[\"d%d\"%s]",
             client, s->lives[client], client % SIM_USERS, client,
             follows ? ",\"all\",\"c0\",\"c1\"" : "");
}

void sim_begin_life(sim_t *s, int client)
{
    if (s->lives[client]) {
        sim_tell(s, "\"what\":\"gone\",\"device\":\"%d.%u\"", client,
                 s->lives[client]);
    }
    s->lives[client]++;
    s->strangers[client] = false;
    sim_tell_device(s, client, false);
}

unsigned sim_judge(sim_t *s)
{
    struct checker c = {.out = s->said};
    FILE *in;

    fclose(s->story);
    in = fmemopen(s->story_text, s->story_len, "r");
    NEEDS(in != NULL, "no memory for the story");
    if (s->shown) {
        fwrite(s->story_text, 1, s->story_len, s->said);
    }
    if (checker_read(&c, in, "story")) {
        s->violations++;
    }
    else {
        s->violations += checker_judge(&c);
    }
    checker_cleanup(&c);
    fclose(in);
    free(s->story_text);
    return s->violations;
}
