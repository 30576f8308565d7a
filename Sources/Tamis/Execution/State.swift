/// The parameters that training steps change, in memory that sessions over plans of different batch sizes share.
///
/// Confined to one task at a time, like the sessions that write it.
public final class State {
    private var storages: [String: (Plan.Port, TensorStorage)] = [:]

    /// Copies of those parameters of `model` that its graph updates.
    public init(of model: Model) throws(PlanError) {
        for update in model.graph.updates {
            let name = model.graph.values[update.parameter].name
            guard let tensor = model.parameters[name] else { throw .missingParameter(name: name) }
            do throws(ShapeError) {
                let storage = try TensorStorage(byteCount: tensor.byteCount)
                storage.base.copyMemory(from: tensor.storage.base, byteCount: tensor.byteCount)
                storages[name] = (Plan.Port(name: name, elementType: tensor.elementType, shape: tensor.shape), storage)
            } catch {
                throw .outOfMemory(bytes: tensor.byteCount)
            }
        }
    }

    /// A copy of a parameter's present value; nil for a name that is not of a changed parameter.
    public subscript(name: String) -> Tensor? {
        guard let (port, storage) = storages[name],
            var copy = try? Tensor(uninitialized: port.elementType, shape: port.shape)
        else { return nil }
        try? copy.withUnsafeMutableBytes {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: storage.base, count: $0.count))
        }
        return copy
    }

    /// The names of the parameters.
    public var names: [String] { storages.keys.sorted() }

    func memory(_ port: Plan.Port) -> TensorStorage? {
        guard let (held, storage) = storages[port.name], held.shape == port.shape, held.elementType == port.elementType
        else { return nil }
        return storage
    }
}
