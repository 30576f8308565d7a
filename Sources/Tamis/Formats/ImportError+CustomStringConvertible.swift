extension ImportError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "\(path): a readable regular file is wanted; \(reason)"
        case .truncated(let what, let offset, let needed, let available):
            "offset \(offset): \(what) needs \(needed) bytes; \(available) are left"
        case .limit(let what, let limit, let received):
            "\(what) must be \(limit) or less (see Limits); received \(received)"
        case .malformed(let rule, let received, let offset):
            "\(offset.map { "offset \($0): " } ?? "")\(rule); received \(received)"
        case .unsupported(let feature, let place):
            "\(place): Tamis does not read \(feature)"
        case .unknownOperators(let operators):
            "Tamis must have the operators of a model; it has not \(operators.map(\.description).joined(separator: ", "))"
        case .invalidModel(let node, let rule, let received):
            "\(node.map { "node \"\($0)\": " } ?? "")\(rule); received \(received)"
        case .shape(let error, let place):
            "\(place): \(error)"
        case .inFile(let path, let error):
            "\(path): \(error)"
        }
    }
}
