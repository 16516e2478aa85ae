using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .party),
    (name = "disk", disk = (writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const party :Workerd.Worker = (
  modules = [(name = "party.mjs", esModule = embed "party.bundle.mjs")],
  compatibilityDate = "2026-10-01",
  durableObjectNamespaces = [(className = "Counter", uniqueKey = "counter", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [(name = "Counter", durableObjectNamespace = "Counter")],
);
