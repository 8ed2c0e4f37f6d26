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
        # One directory is one binary, here and in CMakeLists.txt.
        "<!@(node -p \"require('node:fs').readdirSync('src-cpp/posix').filter((name) => /[.]cc$/.test(name)).map((name) => 'src-cpp/posix/' + name).join(' ')\")",
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
      # Before glibc 2.34, shm_open() and mq_open() have a library of their own.
      "conditions": [["OS=='linux'", {"libraries": ["-lrt"]}]],
    },
    {
      # fork(2) for a process that runs V8: one binary for each major version of Node.
      "target_name": "fork",
      "sources": [
        "<!@(node -p \"require('node:fs').readdirSync('src-cpp/fork').filter((name) => /[.]cc$/.test(name)).map((name) => 'src-cpp/fork/' + name).join(' ')\")",
      ],
    },
    {
      # The resource tracker: a program of its own, as small as can be.
      "target_name": "tracker",
      "type": "executable",
      "sources": ["src-cpp/tracker/main.cc"],
      "cflags_cc": ["-Os"],
      "conditions": [["OS=='linux'", {"ldflags": ["-static-libstdc++", "-static-libgcc"]}]],
    },
  ],
}
