/// The values of a model's parameters by name, in the order they were made.
public struct Parameters: Sendable {
    /// The names, in order.
    public private(set) var names: [String] = []
    private var tensors: [String: Tensor] = [:]

    /// No parameters.
    public init() {}

    /// The value of a parameter; a new name is added at the end.
    public subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set {
            if let newValue {
                if tensors.updateValue(newValue, forKey: name) == nil { names.append(name) }
            } else if tensors.removeValue(forKey: name) != nil {
                names.removeAll { $0 == name }
            }
        }
    }

    /// The number of scalars in all parameters.
    public var scalarCount: Int { tensors.values.reduce(0) { $0 + $1.shape.elementCount } }
    /// The number of bytes of all parameters.
    public var byteCount: Int { tensors.values.reduce(0) { $0 + $1.byteCount } }
}
