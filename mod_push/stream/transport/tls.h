#ifndef PUSH_TLS_H
#define PUSH_TLS_H

#include <sys/uio.h>

#include "stream/loop/stream.h"

/* Streams over TLS: the connection that mod_ssl made, without mod_ssl. */

/*
 * Writes the pieces as full records.  Returns how many bytes the connection
 * has taken, -1 if it is broken.  Bytes that it took but could not send yet
 * are kept in stream->rest: they must be written first next time.
 */
ssize_t push_tls_send(push_stream_t *stream, const struct iovec *pieces,
                      unsigned count);

/* As push_stream_peer_left(); what is said to the TLS layer is done. */
bool push_tls_peer_left(push_stream_t *stream);

/* Says that nothing more comes, and frees the TLS state. */
void push_tls_close(push_stream_t *stream);

#endif
