#include "simulation/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulation/client.h"
#include "simulation/link.h"
#include "simulation/publish.h"
#include "simulation/server.h"
#include "simulation/story.h"

void sim_schedule_draw(sim_schedule_t *schedule, uint64_t seed,
                       sim_fault_t fault)
{
    dice_t d = dice(seed);

    schedule->seed = seed;
    schedule->fault = fault;
    schedule->shown = false;
    schedule->count = 60 + (int)dice_below(&d, SIM_STEPS - 60);
    for (int i = 0; i < schedule->count; i++) {
        schedule->steps[i] = sim_step_draw(&d);
    }
}

/* What a seed looks at closely follows from its number. */
static void start(sim_t *s, const sim_schedule_t *schedule, FILE *out)
{
    static const uint64_t bases[] = {
        0, 0, 0, (1ull << 31) - 6, (1ull << 32) - 6, (1ull << 53) - 6};
    static const uint32_t windows[] = {3, 8, 32, 64};
    static const uint32_t limits[] = {1000, 1000, 4, 2};
    dice_t d = dice(~schedule->seed);

    memset(s, 0, sizeof(*s));
    s->seed = schedule->seed;
    s->fault = schedule->fault;
    s->said = out;
    s->shown = schedule->shown;
    s->story = open_memstream(&s->story_text, &s->story_len);
    NEEDS(s->story != NULL, "no memory for the story");
    s->window = windows[dice_below(&d, 4)];
    s->seq_base = bases[dice_below(&d, 6)];
    s->picky = dice_one_in(&d, 3);
    s->plain = dice_one_in(&d, 3);
    s->position = dice_one_in(&d, 3) ? UINT32_MAX - 4 : 0;
    s->limits = (push_limits_t){.max_pending = limits[dice_below(&d, 4)],
                                .history = limits[dice_below(&d, 4)],
                                .retention = 1800000,
                                .idempotency = SIM_KEY_MS};
    s->implicit = dice_one_in(&d, 3);
    s->now = (push_time_t){SIM_START, 1700000000000, 0};
    sim_server_start(s);
    for (int i = 0; i < SIM_CLIENTS; i++) {
        s->clients[i] = sim_client_create(s);
    }
}

static unsigned finish(sim_t *s)
{
    for (int i = 0; i < SIM_CLIENTS; i++) {
        sim_client_destroy(s->clients[i]);
    }
    sim_server_stop(s);
    for (int i = 0; i < SIM_LINKS; i++) {
        sim_link_free(&s->links[i]);
    }
    sim_publish_cleanup(s);
    return sim_judge(s);
}

unsigned sim_schedule_run(const sim_schedule_t *schedule, FILE *out)
{
    static sim_t s;

    start(&s, schedule, out);
    for (int i = 0; i < schedule->count; i++) {
        sim_step_do(&s, &schedule->steps[i]);
    }
    sim_settle(&s);
    return finish(&s);
}

bool sim_schedule_fails(const sim_schedule_t *schedule)
{
    pid_t pid = fork();
    int status;

    NEEDS(pid >= 0, "no process for a schedule");
    if (!pid) {
        FILE *null = fopen("/dev/null", "w");

        _exit(null && sim_schedule_run(schedule, null) ? 1 : 0);
    }
    NEEDS(waitpid(pid, &status, 0) == pid, "a schedule got lost");
    return status != 0;
}

/* Without count steps from at on. */
static sim_schedule_t without(const sim_schedule_t *schedule, int at,
                              int count)
{
    sim_schedule_t shorter = *schedule;

    if (count > shorter.count - at) {
        count = shorter.count - at;
    }
    shorter.count -= count;
    memmove(&shorter.steps[at], &shorter.steps[at + count],
            (size_t)(shorter.count - at) * sizeof(sim_step_t));
    return shorter;
}

/* True if something could be left out. */
static bool leave_out(sim_schedule_t *schedule, int chunk)
{
    bool any = false;
    int at = 0;

    while (at < schedule->count) {
        sim_schedule_t shorter = without(schedule, at, chunk);

        if (sim_schedule_fails(&shorter)) {
            *schedule = shorter;
            any = true;
        }
        else {
            at += chunk;
        }
    }
    return any;
}

void sim_schedule_shorten(sim_schedule_t *schedule)
{
    for (int chunk = schedule->count / 2; chunk > 1; chunk /= 2) {
        leave_out(schedule, chunk);
    }
    while (leave_out(schedule, 1)) {
        continue;
    }
}

void sim_schedule_print(const sim_schedule_t *schedule, FILE *out)
{
    fprintf(out, "seed %lu in %d steps:\n", (unsigned long)schedule->seed,
            schedule->count);
    for (int i = 0; i < schedule->count; i++) {
        sim_step_print(out, &schedule->steps[i]);
    }
}
