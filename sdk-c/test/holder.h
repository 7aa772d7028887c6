/*
 * holder.h - a proxy that holds answers back until they are complete, as some
 * do: then no stream gets through.
 */
#ifndef PUSHC_TEST_HOLDER_H
#define PUSHC_TEST_HOLDER_H

struct holder;

/* Stand before 127.0.0.1:port. With heads, those of answers are passed on as
 * they come, and only bodies are held back. */
struct holder *holder_start(int port, int heads);
void holder_stop(struct holder *h);

/* The port of the proxy. */
int holder_port(const struct holder *h);

#endif
