package withness.testserver;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.parser.LenientErrorHandler;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.hl7.fhir.instance.model.api.IBaseResource;

/**
 * Conformance resources, found by type and canonical and by nothing else, each parsed when it is first asked for.
 *
 * <p>HAPI's own PrePopulatedValidationSupport also finds a resource by the last segment of its URL, which lets a
 * profile ".../CarePlan" of one package hide another's, and it does not keep Questionnaires and PlanDefinitions.
 */
final class Shelf implements IValidationSupport {
  private static final Set<String> FROM_PACKAGES = Set.of("StructureDefinition", "ValueSet", "CodeSystem");

  private final FhirContext context;
  private final String name;
  private final Map<String, Book> byUrl = new HashMap<>();

  Shelf(FhirContext context, String name) {
    this.context = context;
    this.name = name;
  }

  /** Reads what a FHIR package (.tgz) defines; its search parameters, examples and the like are left out. */
  static Shelf ofPackage(FhirContext context, Path file) throws IOException {
    Shelf shelf = new Shelf(context, file.getFileName().toString());
    try (InputStream raw = Files.newInputStream(file);
        TarArchiveInputStream tar = new TarArchiveInputStream(new GZIPInputStream(raw, 1 << 16))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        String[] path = entry.getName().split("/");
        if (path.length == 2 && path[0].equals("package") && FROM_PACKAGES.contains(path[1].split("-")[0])) {
          shelf.put(Validator.JSON.readTree(tar.readAllBytes()));
        }
      }
    }
    return shelf;
  }

  /**
   * Adds a resource, in the place of an earlier one with the same type and URL.
   *
   * @throws IllegalArgumentException it has no type or no URL.
   */
  void put(JsonNode resource) {
    String type = resource.path("resourceType").asText();
    String url = resource.path("url").asText();
    if (type.isEmpty() || url.isEmpty()) {
      throw new IllegalArgumentException("A conformance resource needs a resourceType and a url.");
    }
    Book earlier = byUrl.get(key(type, url));
    if (earlier != null) {
      byUrl.values().removeIf(one -> one == earlier);
    }
    Book book = new Book(resource);
    byUrl.put(key(type, url), book);
    if (resource.has("version")) {
      byUrl.put(key(type, url + "|" + resource.get("version").asText()), book);
    }
  }

  /** Returns a shelf with the same resources, none of them parsed. */
  Shelf copy() {
    Shelf other = new Shelf(context, name);
    byUrl.values().stream().distinct().forEach(book -> other.put(book.json));
    return other;
  }

  boolean holdsTheSameAs(Shelf other) {
    return byUrl.equals(other.byUrl);
  }

  /** Returns what stands before "Type/id" in the canonicals here. */
  Set<String> bases() {
    return byUrl.values().stream().map(Book::base).collect(Collectors.toSet());
  }

  @Override
  @SuppressWarnings("unchecked")
  public <T extends IBaseResource> T fetchResource(Class<T> type, String url) {
    if (type != null) {
      return (T) find(context.getResourceType(type), url);
    }
    return (T) FROM_PACKAGES.stream().map(one -> find(one, url)).filter(Objects::nonNull).findFirst().orElse(null);
  }

  @Override
  public IBaseResource fetchStructureDefinition(String url) {
    return find("StructureDefinition", url);
  }

  @Override
  public IBaseResource fetchValueSet(String url) {
    return find("ValueSet", url);
  }

  @Override
  public IBaseResource fetchCodeSystem(String url) {
    return find("CodeSystem", url);
  }

  @Override
  public FhirContext getFhirContext() {
    return context;
  }

  @Override
  public String getName() {
    return name;
  }

  private IBaseResource find(String type, String url) {
    Book found = byUrl.get(key(type, url));
    return found == null ? null : found.parsed(context);
  }

  private static String key(String type, String url) {
    return type + " " + url;
  }

  private static final class Book {
    private final JsonNode json;
    private IBaseResource parsed;

    Book(JsonNode json) {
      this.json = json;
    }

    String base() {
      return json.get("url").asText().split(json.get("resourceType").asText() + "/")[0];
    }

    synchronized IBaseResource parsed(FhirContext context) {
      if (parsed == null) {
        LenientErrorHandler lenient = new LenientErrorHandler(false);
        parsed = context.newJsonParser().setParserErrorHandler(lenient).parseResource(json.toString());
      }
      return parsed;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Book book && json.equals(book.json);
    }

    @Override
    public int hashCode() {
      return json.hashCode();
    }
  }
}
