/// Something that stands between a model's file and its answers, or that should be known about them.
public struct ModelProblem: Hashable, Sendable, Encodable {
    /// Whether the model can be run in spite of it.
    public enum Severity: String, Sendable, Encodable {
        /// The model cannot be run.
        case error
        /// The model runs; the file says something else than what is true.
        case warning
    }

    /// How bad it is.
    public var severity: Severity
    /// The node, where one is concerned.
    public var node: String?
    /// The node's operator, with its domain where that is not ONNX's own.
    public var operatorName: String?
    /// The version of the operator set that the file names.
    public var version: Int?
    /// The types of the node's inputs in words, "none" for one that is not given.
    public var inputs: [String] = []
    /// The rule, and what was received.
    public var text: String
    /// What would mend it.
    public var remedy: String
}

extension ModelProblem: CustomStringConvertible {
    public var description: String {
        var place = node.map { "node \"\($0)\"" } ?? "the model"
        if let operatorName { place += " (\(operatorName)\(version.map { ", version \($0)" } ?? ""))" }
        return "\(severity.rawValue): \(place): \(text) — \(remedy)"
    }
}

extension ModelProblem {
    /// A problem that an error of reading is.
    init(
        _ error: ImportError, node: String? = nil, operatorName: String? = nil, version: Int? = nil,
        inputs: [ValueType?] = []
    ) {
        severity = .error
        self.node = node
        self.operatorName = operatorName
        self.version = version
        self.inputs = inputs.words
        text = error.withoutPlace
        remedy = error.remedy
    }

    /// A problem of planning.
    init(_ problem: PlanProblem, version: Int?) {
        severity = .error
        node = problem.node
        operatorName = problem.operatorName
        self.version = problem.node == nil ? nil : version
        inputs = problem.inputs.words
        text = "\(problem.error)"
        remedy = problem.error.remedy
    }
}

extension [ValueType?] {
    fileprivate var words: [String] { map { $0.map { "\($0)" } ?? "none" } }
}

extension ImportError {
    /// The error's text where its place is said already.
    fileprivate var withoutPlace: String {
        switch self {
        case .unsupported(let feature, _): "Tamis does not read \(feature)"
        case .invalidModel(_, let rule, let received): "\(rule); received \(received)"
        case .shape(let error, _): "\(error)"
        case .unknownOperators(let operators) where operators.count == 1:
            "Tamis has no \(operators[0].name) of \(operators[0].domain.isEmpty ? "ONNX" : operators[0].domain)"
                + (operators[0].version.map { ", version \($0)" } ?? ", of which the file names no version")
        case .inFile(_, let error): error.withoutPlace
        default: "\(self)"
        }
    }

    /// What would mend it.
    fileprivate var remedy: String {
        switch self {
        case .cannotOpen: "give the path of an .onnx file that may be read"
        case .truncated: "the file is not whole: copy or download it again"
        case .limit: "raise this limit in Limits, if the file is to be trusted"
        case .malformed(_, _, nil): "give an ONNX model, or export this one as ONNX"
        case .malformed: "the file is damaged or no ONNX model: copy, download or export it again"
        case .unsupported: "export the model without it, by other settings or for another version of the operator set"
        case .unknownOperators:
            "export the model for operators that Tamis has, or add a row for it to the table of operators"
        case .invalidModel: "the file breaks a rule of ONNX: export it again, or mend it where it was made"
        case .shape: "the file breaks the operator's rule: look at this node where the model was made"
        case .inFile(_, let error): error.remedy
        }
    }
}
