// From the middle of the parent's stack to a clean event loop, in the child.
#pragma once

#include <v8.h>

namespace multiproc {

// Clears Node's stack of asynchronous ids, which is the parent's: without it Node aborts when the
// fork happened inside a timer or an immediate. Node clears it when it handles an uncaught error,
// so one is thrown by `thrower` for the capture callback that the caller has set.
void ClearAsyncIds(v8::Local<v8::Context> context, v8::Local<v8::Function> thrower);

// Drops the promise jobs that are queued, schedules `prelude` and then `main` on the event loop,
// and ends the whole JavaScript stack: no `catch` and no `finally` of it runs. `prelude` gets a
// turn of its own, with the ticks and rejections that the parent left behind it.
// `any` is any JavaScript function that does nothing; `in_script`: no callback is on the stack.
void Unwind(v8::Local<v8::Context> context, v8::Local<v8::Function> prelude,
            v8::Local<v8::Function> main, v8::Local<v8::Function> any, bool in_script);

}  // namespace multiproc
