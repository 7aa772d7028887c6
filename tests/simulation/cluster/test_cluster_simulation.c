#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulation/cluster/steps.h"

int main(int argc, char **argv)
{
    uint64_t from = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    uint64_t to = argc > 2 ? strtoull(argv[2], NULL, 10) : from + 1;
    cs_fault_t fault = argc > 3 ? (cs_fault_t)atoi(argv[3]) : CS_SOUND;
    cs_schedule_t schedule;
    int bad = 0;

    for (; from < to; from++) {
        unsigned violations;

        cs_schedule_draw(&schedule, from, fault);
        schedule.shown = argc == 2;
        fflush(stdout);
        if (fork() == 0) {
            violations = cs_schedule_run(&schedule, stdout);
            fflush(stdout);
            _exit(violations != 0);
        }
        int status;
        wait(&status);
        if (status) {
            printf("seed %lu: %x\n", (unsigned long)from, status);
            bad++;
        }
    }
    printf("%d bad\n", bad);
    return bad != 0;
}
