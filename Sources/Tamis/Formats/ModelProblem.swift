/// Something that stands between a model's file and its answers, or that should be known about them.
public struct ModelProblem: Hashable, Sendable {
    /// Whether the model can be run in spite of it.
    public enum Severity: String, Sendable {
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
    /// The rule, and what was received: types and shapes among it.
    public var text: String
    /// What would mend it, where that is known.
    public var remedy: String?
}

extension ModelProblem: CustomStringConvertible {
    public var description: String {
        var place = node.map { "node \"\($0)\"" } ?? "the model"
        if let operatorName { place += " (\(operatorName)\(version.map { ", version \($0)" } ?? ""))" }
        return "\(severity.rawValue): \(place): \(text)\(remedy.map { " — \($0)" } ?? "")"
    }
}

extension ModelProblem {
    /// A problem that an error of reading is.
    init(_ error: ImportError, node: String? = nil, operatorName: String? = nil, version: Int? = nil) {
        severity = .error
        self.node = node
        self.operatorName = operatorName
        self.version = version
        text = error.withoutPlace
        remedy = error.remedy
    }
}

extension ImportError {
    /// The error's text where its place is said already.
    fileprivate var withoutPlace: String {
        switch self {
        case .unsupported(let feature, _): "Tamis does not read \(feature)"
        case .invalidModel(_, let rule, let received): "\(rule); received \(received)"
        case .shape(let error, _): "\(error)"
        case .inFile(_, let error): error.withoutPlace
        default: "\(self)"
        }
    }

    /// What would mend it, where that is known.
    var remedy: String? {
        switch self {
        case .unknownOperators:
            "export the model for operators that Tamis has, or add a row for it to the table of operators"
        case .limit: "raise this limit in Limits, if the file is to be trusted"
        case .truncated: "the file is not whole: copy or download it again"
        case .inFile(_, let error): error.remedy
        default: nil
        }
    }
}
