/// An operator of a file that no row of the table stands for.
public struct UnknownOperator: Hashable, Sendable, CustomStringConvertible {
    /// The operator's name.
    public let name: String
    /// Whose operator it is; "" is ONNX's own domain.
    public let domain: String
    /// The version of the domain's operator set, where the file says one.
    public let version: Int?
    /// The first node that uses it.
    public let node: String

    struct Key: Hashable {
        var name: String
        var domain: String
    }

    var key: Key { Key(name: name, domain: domain) }

    public var description: String {
        let set = domain.isEmpty ? "ONNX" : "\"\(domain)\""
        return "\(name) of \(set), version \(version.map { "\($0)" } ?? "unknown") (node \"\(node)\")"
    }
}
