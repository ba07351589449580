package withness.testserver;

import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import ca.uhn.fhir.context.support.ValueSetExpansionOptions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.CanonicalType;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.ValueSet;
import org.hl7.fhir.r4.model.ValueSet.ConceptSetComponent;
import org.hl7.fhir.utilities.validation.ValidationMessage;

/**
 * What is known, asked in order, and the one place that says what is not at hand and what that changes.
 *
 * <p>Nothing is hidden: what cannot be decided here is a warning where the validator would say error. What the loaded
 * resources' own canonicals should have been, and are not, is an error where the validator would only warn.
 */
final class Terminology extends ValidationSupportChain {

  /**
   * How the canonicals begin that US Core, its examples or our artefacts use, whose packages nobody gave us, and which
   * these are. The extensions' package shares its namespace with R4, so its members are named one by one. Value sets
   * and code systems (SNOMED CT, LOINC, VSAC, newer HL7 Terminology) need no entry: for them, {@link #validateCode} and
   * {@link #validateCodeInValueSet} ask what is at hand.
   */
  static final Map<String, String> NOT_AT_HAND =
      Map.of(
          "http://hl7.org/fhir/uv/sdc/", "hl7.fhir.uv.sdc: US Core's QuestionnaireResponse rests on it",
          "http://hl7.org/fhir/StructureDefinition/artifact-versionAlgorithm", "hl7.fhir.uv.extensions.r4: SDC 4",
          "http://hl7.org/fhir/StructureDefinition/itemWeight", "hl7.fhir.uv.extensions.r4: an answer's score",
          "http://hl7.org/fhir/StructureDefinition/targetConstraint", "hl7.fhir.uv.extensions.r4: a rule of a form",
          "http://hl7.org/fhir/StructureDefinition/targetElement", "hl7.fhir.uv.extensions.r4: a Provenance's element",
          "http://hl7.org/fhir/version-algorithm", "hl7.fhir.r5.core: the codes of artifact-versionAlgorithm");

  /** The validator's ids for "this canonical is not known", which are no error for what is not at hand. */
  private static final Set<String> UNKNOWN =
      Set.of(
          "Extension_EXT_Unknown_NotHere",
          "Reference_REF_CantResolveProfile",
          "Terminology_TX_System_Unknown",
          "VALIDATION_VAL_PROFILE_UNKNOWN_NOT_POLICY",
          "Validation_VAL_Profile_Unknown");

  /** The validator's ids for the same, where it only warns or hints: an error when the canonical should be ours. */
  private static final Set<String> UNKNOWN_AND_ALLOWED =
      Set.of("Questionnaire_QR_Q_NotFound", "Terminology_TX_ValueSet_NotFound", "UNKNOWN_CODESYSTEM");

  private final Set<String> ourBases;

  Terminology(Set<String> ourBases, List<IValidationSupport> known) {
    super(known);
    this.ourBases = ourBases;
    // A required binding of a CodeableConcept asks for one coding of the value set, not for all (R4, terminologies).
    setCodeableConceptValidationSuccessfulIfNotAllCodingsAreValid(true);
  }

  /** Returns how severe a message of the validator is here. */
  ValidationMessage.IssueSeverity severity(ValidationMessage message) {
    String id = String.valueOf(message.getMessageId());
    if (UNKNOWN.contains(id)) {
      boolean notAtHand = names(NOT_AT_HAND.keySet(), message.getMessage());
      return notAtHand ? ValidationMessage.IssueSeverity.WARNING : ValidationMessage.IssueSeverity.ERROR;
    }
    boolean missing = UNKNOWN_AND_ALLOWED.contains(id) && names(ourBases, message.getMessage());
    return missing ? ValidationMessage.IssueSeverity.ERROR : message.getLevel();
  }

  @Override
  public CodeValidationResult validateCode(
      ValidationSupportContext root,
      ConceptValidationOptions options,
      String system,
      String code,
      String display,
      String valueSet) {
    CodeValidationResult result = super.validateCode(root, options, system, code, display, valueSet);
    if (result == null || result.isOk() || isAtHand(root, system)) {
      return result;
    }
    if (isOurs(system) && fetchCodeSystem(system) == null) {
      return wrong("The code system " + system + " of " + code + " should be among the loaded resources and is not.");
    }
    return undecided("The code system " + system + " is not at hand: its code " + code + " is not checked.", code);
  }

  @Override
  public CodeValidationResult validateCodeInValueSet(
      ValidationSupportContext root,
      ConceptValidationOptions options,
      String system,
      String code,
      String display,
      IBaseResource valueSet) {
    CodeValidationResult result = super.validateCodeInValueSet(root, options, system, code, display, valueSet);
    if (result != null && result.isOk() || isDecidable((ValueSet) valueSet, system, root)) {
      return result;
    }
    String url = ((ValueSet) valueSet).getUrl();
    String asked = system + "#" + code;
    return undecided("Whether " + asked + " is in " + url + " cannot be said: parts of it are not at hand.", code);
  }

  @Override
  public ValueSetExpansionOutcome expandValueSet(
      ValidationSupportContext root, ValueSetExpansionOptions options, IBaseResource valueSet) {
    if (isEnumerated((ValueSet) valueSet)) {
      return super.expandValueSet(root, options, valueSet);
    }
    // HAPI would expand it to nothing, and a profile that narrows the binding to it would seem to widen it.
    String url = ((ValueSet) valueSet).getUrl();
    return new ValueSetExpansionOutcome("Parts of " + url + " are not at hand: its codes cannot be listed.", false);
  }

  private boolean isEnumerated(ValueSet valueSet) {
    for (ConceptSetComponent part : valueSet.getCompose().getInclude()) {
      boolean listed = !part.hasSystem() || part.hasConcept() || isComplete(part.getSystem());
      if (!listed || !part.getValueSet().stream().allMatch(this::isEnumerated)) {
        return false;
      }
    }
    return true;
  }

  private boolean isEnumerated(CanonicalType url) {
    return fetchValueSet(url.getValue()) instanceof ValueSet found && isEnumerated(found);
  }

  private boolean isComplete(String system) {
    return fetchCodeSystem(system) instanceof CodeSystem found
        && found.getContent() == CodeSystem.CodeSystemContentMode.COMPLETE;
  }

  /** Returns whether what is at hand suffices to say that a code of this system is not in the value set. */
  private boolean isDecidable(ValueSet valueSet, String system, ValidationSupportContext root) {
    return valueSet.getCompose().getInclude().stream().allMatch(part -> isDecidable(part, system, root));
  }

  private boolean isDecidable(ConceptSetComponent part, String system, ValidationSupportContext root) {
    if (part.hasSystem() && system != null && !part.getSystem().equals(system)) {
      return true;
    }
    for (CanonicalType url : part.getValueSet()) {
      IBaseResource other = fetchValueSet(url.getValue());
      if (other == null ? !isOurs(url.getValue()) : !isDecidable((ValueSet) other, system, root)) {
        return false;
      }
    }
    return !part.hasSystem() || part.hasConcept() || isOurs(part.getSystem()) || isAtHand(root, part.getSystem());
  }

  private boolean isAtHand(ValidationSupportContext root, String system) {
    return system == null || isCodeSystemSupported(root, system);
  }

  private boolean isOurs(String canonical) {
    return canonical != null && ourBases.stream().anyMatch(canonical::startsWith);
  }

  private static boolean names(Set<String> bases, String message) {
    return bases.stream().anyMatch(message::contains);
  }

  private static CodeValidationResult undecided(String message, String code) {
    CodeValidationIssueCoding reason = CodeValidationIssueCoding.NOT_FOUND;
    return new CodeValidationResult()
        .setCode(code)
        .setSeverity(IssueSeverity.WARNING)
        .setMessage(message)
        .addIssue(new CodeValidationIssue(message, IssueSeverity.WARNING, CodeValidationIssueCode.NOT_FOUND, reason));
  }

  /** An error whatever the binding; HAPI's own "not found" is only a warning where none is required. */
  private static CodeValidationResult wrong(String message) {
    CodeValidationIssueCoding reason = CodeValidationIssueCoding.INVALID_CODE;
    return new CodeValidationResult()
        .setSeverity(IssueSeverity.ERROR)
        .setMessage(message)
        .addIssue(new CodeValidationIssue(message, IssueSeverity.ERROR, CodeValidationIssueCode.NOT_FOUND, reason));
  }
}
