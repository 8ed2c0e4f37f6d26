{
  "target_defaults": {
    # Symbols are bound when the addon is loaded: a child would have to bind them again.
    "ldflags": ["-Wl,-z,now"],
    "cflags_cc": ["-std=c++20", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++1y", "-std=gnu++20"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
    },
  },
  "targets": [
    {
      # The system calls, by Node-API: one binary for all versions of Node.
      "target_name": "posix",
      "sources": [
        "src-cpp/addon.cc",
        "src-cpp/posix/descriptor.cc",
        "src-cpp/posix/error.cc",
        "src-cpp/posix/process.cc",
        "src-cpp/posix/watch.cc",
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
    },
    {
      # fork(2) for a process that runs V8: one binary for each major version of Node.
      "target_name": "fork",
      "sources": [
        "src-cpp/fork/boot.cc",
        "src-cpp/fork/fork.cc",
        "src-cpp/fork/heap_memory.cc",
        "src-cpp/fork/loop.cc",
        "src-cpp/fork/platform.cc",
        "src-cpp/fork/worker_isolates.cc",
        "src-cpp/fork/worker_pool.cc",
      ],
    },
  ],
}
