#include "core/failpoint.h"

#ifdef PUSH_FAILPOINTS
void (*push_failpoint_hook)(const char *name);
#endif
