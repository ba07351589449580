package withness.testserver;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.hapi.converters.canonical.VersionCanonicalizer;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.validator.FhirDefaultPolicyAdvisor;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator.NullEvaluationContext;
import org.hl7.fhir.common.hapi.validation.validator.ProfileKnowledgeWorkerR5;
import org.hl7.fhir.common.hapi.validation.validator.WorkerContextValidationSupportAdapter;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.StructureDefinition.TypeDerivationRule;
import org.hl7.fhir.r5.conformance.profile.ProfileUtilities;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.model.Resource;
import org.hl7.fhir.r5.model.StructureDefinition;
import org.hl7.fhir.r5.model.StructureDefinition.StructureDefinitionKind;
import org.hl7.fhir.r5.utils.validation.ValidatorSession;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;
import org.hl7.fhir.r5.utils.validation.constants.IdStatus;
import org.hl7.fhir.r5.utils.xver.XVerExtensionManagerOld;
import org.hl7.fhir.utilities.filesystem.ManagedFileAccess;
import org.hl7.fhir.utilities.http.ManagedWebAccess;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.ValidatorSettings;
import org.hl7.fhir.validation.instance.InstanceValidator;

/** R4 4.0.1, one version of US Core and the loaded resources, ready to validate and to make snapshots. */
final class World {
  static final FhirContext R4 = FhirContext.forR4Cached();
  private static final IValidationSupport R4_DEFINITIONS = new DefaultProfileValidationSupport(R4);
  private static final String WEB = "http://hl7.org/fhir/R4/";
  private static volatile List<StructureDefinition> types;

  private final VersionCanonicalizer versions = new VersionCanonicalizer(R4);
  private final Terminology terminology;
  private final Worker worker;

  static {
    // Else the validator looks for packages that it misses on the network, and keeps them in the user's home.
    ManagedWebAccess.setAccessPolicy(ManagedWebAccess.WebAccessPolicy.PROHIBITED);
    ManagedFileAccess.setAccessPolicy(ManagedFileAccess.FileAccessPolicy.PROHIBITED);
  }

  World(Shelf usCore, Shelf ours) {
    terminology =
        new Terminology(
            ours.bases(),
            List.of(
                R4_DEFINITIONS,
                usCore,
                ours,
                new CommonCodeSystemsTerminologyService(R4),
                new InMemoryTerminologyServerValidationSupport(R4),
                new SnapshotGeneratingValidationSupport(R4)));
    worker = new Worker(terminology);
  }

  /** Reads R4's definitions, which takes most of the start: the two halves at once. */
  static void readDefinitions() {
    CompletableFuture<?> half = CompletableFuture.runAsync(() -> R4_DEFINITIONS.fetchCodeSystem("http://hl7.org/fhir"));
    R4_DEFINITIONS.fetchStructureDefinition("http://hl7.org/fhir/StructureDefinition/Element");
    half.join();
  }

  /**
   * Returns what the validator says about a resource, given as JSON text.
   *
   * @throws IllegalArgumentException a profile that was asked for is not known.
   */
  List<ValidationMessage> validate(String resource, List<String> profiles) {
    List<StructureDefinition> asked = new ArrayList<>();
    for (String profile : profiles) {
      StructureDefinition found = worker.fetchResource(StructureDefinition.class, profile);
      if (found == null) {
        throw new IllegalArgumentException("The profile " + profile + " is not known.");
      }
      asked.add(found);
    }
    List<ValidationMessage> messages = new ArrayList<>();
    ByteArrayInputStream bytes = new ByteArrayInputStream(resource.getBytes(StandardCharsets.UTF_8));
    validator().validate(null, messages, bytes, FhirFormat.JSON, asked);
    messages.forEach(one -> one.setLevel(terminology.severity(one)));
    return messages;
  }

  /** The validator of HL7, without HAPI's wrapper, which keeps the session and some messages to itself. */
  private InstanceValidator validator() {
    ValidatorSession session = new ValidatorSession();
    // "4.0" is not "4.0.1" to it: for an extension's context it would fetch a second R4 from the network.
    session.getOtherVersions().put("4.0", worker);
    InstanceValidator made =
        new InstanceValidator(
            worker, new NullEvaluationContext(), new XVerExtensionManagerOld(worker), session, new ValidatorSettings());
    made.setPolicyAdvisor(new FhirDefaultPolicyAdvisor());
    made.setResourceIdRule(IdStatus.OPTIONAL);
    made.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    made.setAnyExtensionsAllowed(false); // an extension that nobody defines is an error
    made.setAssumeValidRestReferences(true); // "Patient/x" is a Patient: its type is checked, not that it exists
    return made;
  }

  /**
   * Returns a StructureDefinition, given as JSON text, with the snapshot that its differential makes.
   *
   * @throws IllegalArgumentException its base is not known, or the differential does not fit it.
   */
  String snapshot(String profile) {
    IBaseResource given = R4.newJsonParser().parseResource(profile);
    StructureDefinition derived = versions.structureDefinitionToCanonical(given);
    StructureDefinition base = worker.fetchResource(StructureDefinition.class, derived.getBaseDefinition());
    if (base == null) {
      throw new IllegalArgumentException("The base " + derived.getBaseDefinition() + " is not known.");
    }
    List<ValidationMessage> messages = new ArrayList<>();
    ProfileUtilities maker = new ProfileUtilities(worker, messages, new ProfileKnowledgeWorkerR5(R4));
    maker.setNewSlicingProcessing(true);
    maker.generateSnapshot(base, derived, derived.getUrl(), WEB, derived.getName());
    List<String> errors = messages.stream().filter(ValidationMessage::isError).map(World::sentence).toList();
    if (!errors.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", errors));
    }
    return R4.newJsonParser().encodeResourceToString(versions.structureDefinitionFromCanonical(derived));
  }

  private static String sentence(ValidationMessage message) {
    return message.getLocation() + ": " + message.getMessage();
  }

  /** The validator's view of what is known. HAPI's own takes seconds to list R4's types: it converts all profiles. */
  private static final class Worker extends WorkerContextValidationSupportAdapter {

    Worker(IValidationSupport known) {
      super(known);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends Resource> List<T> fetchResourcesByType(Class<T> type) {
      return type == StructureDefinition.class ? (List<T>) types() : super.fetchResourcesByType(type);
    }

    @Override
    public List<StructureDefinition> fetchTypeDefinitions(String name) {
      return new ArrayList<>(types().stream().filter(one -> name.equals(one.getType())).toList());
    }

    @Override
    public boolean isPrimitiveType(String name) {
      return types().stream()
          .anyMatch(one -> one.getKind() == StructureDefinitionKind.PRIMITIVETYPE && name.equals(one.getName()));
    }

    private List<StructureDefinition> types() {
      if (types == null) {
        List<org.hl7.fhir.r4.model.StructureDefinition> all = R4_DEFINITIONS.fetchAllStructureDefinitions();
        types =
            all.stream()
                .filter(one -> one.getDerivation() != TypeDerivationRule.CONSTRAINT)
                .map(one -> fetchResource(StructureDefinition.class, one.getUrl()))
                .toList();
      }
      return types;
    }
  }
}
