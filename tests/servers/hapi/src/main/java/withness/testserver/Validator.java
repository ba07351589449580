package withness.testserver;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import org.hl7.fhir.exceptions.FHIRException;
import org.hl7.fhir.utilities.validation.ValidationMessage;

/**
 * A FHIR R4 validator and snapshot maker for tests: {@code Validator PORT PACKAGES [PID]}.
 *
 * <p>Listens on 127.0.0.1:PORT (0 for any free one), reads {@code hl7.fhir.us.core-VERSION.tgz} from the folder
 * PACKAGES, ends when the process PID ends, and prints one line {@code READY http://127.0.0.1:PORT} when it answers:
 *
 * <ul>
 *   <li>GET /ready: {"us_core": [versions]}
 *   <li>POST /load [resources]: what else is known; one with the same type and URL replaces an earlier one.
 *   <li>POST /validate {"resource", "profiles", "us_core"}: {"issues": [{"severity", "message", "location", "id"}]}.
 *       The resource may be given as text, to be judged as it is written.
 *   <li>POST /snapshot {"resource", "us_core"}: the StructureDefinition with its snapshot made anew.
 * </ul>
 *
 * <p>What cannot be answered is a 400 (the request's fault) or a 500, with a sentence: {"error"}.
 */
public final class Validator {
  /** Numbers keep the digits that they were written with. */
  static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  private static final String US_CORE = "hl7.fhir.us.core-";
  private static final String DEFAULT_US_CORE = "6.1.0";

  private final Path packages;
  private final Map<String, Shelf> usCore = new HashMap<>();
  private volatile Loaded loaded = new Loaded(new Shelf(World.R4, "loaded"));

  /** The loaded resources, and what is made of them with each version of US Core. */
  private record Loaded(Shelf ours, Map<String, World> worlds) {
    Loaded(Shelf ours) {
      this(ours, new ConcurrentHashMap<>());
    }
  }

  private interface Handler {
    JsonNode answer(JsonNode request) throws IOException;
  }

  private Validator(Path packages) {
    this.packages = packages;
  }

  public static void main(String[] args) throws Exception {
    if (args.length < 2 || args.length > 3) {
      System.err.println("usage: Validator PORT PACKAGES [PID]");
      System.exit(2);
    }
    Locale.setDefault(Locale.US); // the messages' language
    if (args.length == 3) {
      endWith(Long.parseLong(args[2]));
    }
    new Validator(Path.of(args[1])).serve(Integer.parseInt(args[0]));
  }

  private static void endWith(long pid) {
    ProcessHandle.of(pid)
        .ifPresentOrElse(
            process -> process.onExit().thenRun(() -> System.exit(0)), // not halt: an archive of classes may be due
            () -> System.exit(0));
  }

  private void serve(int port) throws IOException {
    HttpServer http = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 50);
    http.setExecutor(Executors.newFixedThreadPool(Math.max(2, Runtime.getRuntime().availableProcessors())));
    http.createContext("/ready", exchange -> handle(exchange, request -> ready()));
    http.createContext("/load", exchange -> handle(exchange, this::load));
    http.createContext("/validate", exchange -> handle(exchange, this::validate));
    http.createContext("/snapshot", exchange -> handle(exchange, this::snapshot));
    World.readDefinitions();
    world(DEFAULT_US_CORE).validate("{\"resourceType\": \"Basic\", \"code\": {\"text\": \"a\"}}", List.of());
    http.start();
    System.out.println("READY http://127.0.0.1:" + http.getAddress().getPort());
    System.out.flush();
  }

  private static void handle(HttpExchange exchange, Handler handler) throws IOException {
    try (exchange;
        InputStream body = exchange.getRequestBody()) {
      int status = 200;
      JsonNode answer;
      try {
        answer = handler.answer(JSON.readTree(body.readAllBytes()));
      } catch (IllegalArgumentException | FHIRException | IOException e) {
        status = 400;
        answer = JSON.createObjectNode().put("error", String.valueOf(e.getMessage()));
      } catch (RuntimeException | Error e) {
        e.printStackTrace();
        status = 500;
        answer = JSON.createObjectNode().put("error", e.toString());
      }
      byte[] bytes = JSON.writeValueAsBytes(answer);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  private JsonNode ready() throws IOException {
    ObjectNode answer = JSON.createObjectNode();
    versions().forEach(answer.putArray("us_core")::add);
    return answer;
  }

  private synchronized JsonNode load(JsonNode resources) {
    Shelf ours = loaded.ours().copy();
    resources.forEach(ours::put);
    if (!ours.holdsTheSameAs(loaded.ours())) {
      loaded = new Loaded(ours);
    }
    return JSON.createObjectNode().put("loaded", resources.size());
  }

  private JsonNode validate(JsonNode request) throws IOException {
    JsonNode resource = request.path("resource");
    List<String> profiles = new ArrayList<>();
    request.path("profiles").forEach(one -> profiles.add(one.asText()));
    String text = resource.isTextual() ? resource.asText() : resource.toString();
    ObjectNode answer = JSON.createObjectNode();
    ArrayNode issues = answer.putArray("issues");
    for (ValidationMessage message : world(version(request)).validate(text, profiles)) {
      String id = message.getMessageId();
      issues
          .addObject()
          .put("severity", message.getLevel().toCode())
          .put("message", message.getMessage())
          .put("location", message.getLocation())
          .put("id", id == null || id.contains(" ") ? null : id); // some messages stand where their id should
    }
    return answer;
  }

  private JsonNode snapshot(JsonNode request) throws IOException {
    if (!(request.path("resource") instanceof ObjectNode given) || !given.has("differential")) {
      throw new IllegalArgumentException("A snapshot is made from a StructureDefinition with a differential.");
    }
    ObjectNode profile = given.deepCopy().without("snapshot");
    JsonNode made = JSON.readTree(world(version(request)).snapshot(profile.toString()));
    JsonNode differential = profile.remove("differential");
    profile.set("snapshot", made.get("snapshot"));
    return profile.set("differential", differential); // where the definition has it: after the snapshot
  }

  private static String version(JsonNode request) {
    return request.path("us_core").asText(DEFAULT_US_CORE);
  }

  private World world(String version) throws IOException {
    if (!versions().contains(version)) {
      throw new IllegalArgumentException("US Core " + version + " is not in " + packages + ": " + versions());
    }
    Shelf shelf = usCore(version);
    Loaded now = loaded;
    return now.worlds().computeIfAbsent(version, one -> new World(shelf, now.ours().copy()));
  }

  /** Reads a package once, and one at a time: commons-compress 1.26 skips through one buffer that all threads share. */
  private Shelf usCore(String version) throws IOException {
    synchronized (usCore) {
      if (!usCore.containsKey(version)) {
        usCore.put(version, Shelf.ofPackage(World.R4, packages.resolve(US_CORE + version + ".tgz")));
      }
      return usCore.get(version);
    }
  }

  private List<String> versions() throws IOException {
    try (var files = Files.list(packages)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith(US_CORE) && name.endsWith(".tgz"))
          .map(name -> name.substring(US_CORE.length(), name.length() - 4))
          .sorted()
          .toList();
    }
  }
}
