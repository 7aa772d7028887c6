/*
 * pushbench: load for mod_push, and the same load for nchan beside it.
 *
 *   pushbench idle      user memory of the server an idle stream
 *   pushbench fanout    one channel, all streams subscribe it
 *   pushbench unicast   every stream a user, messages to each in turn
 *   pushbench hold      streams with nothing but heartbeats
 *   pushbench away      messages to each of the users in turn, none is there
 *   pushbench none      POSTs to /none, which the server answers with 204
 *
 * With --rate the latency from publish to receive is measured; without, the
 * greatest throughput. Target `bare` is a server within this program that does
 * no more than the kernel asks for: the limit. One run is one line of `name=value` pairs on stdout.
 */
#include "pushbench_run.h"

int main(int argc, char **argv)
{
    struct pb_options options;

    if (!pb_options_parse(&options, argc, argv)) {
        return 1;
    }
    return pb_run(&options);
}
