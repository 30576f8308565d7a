/// The plan for one image of a batch: where no image has to do with another, they are computed one after the other, or side
/// by side by different threads, each in memory that one image needs. What one operator makes is still in the cache then when
/// the next one reads it, and threads do not wait for each other between operators.
///
/// The answers have the same bits, because no image's depend on the batch.
final class ImagePlan: Sendable {
    /// The plan for one image.
    let plan: Plan
    /// The images of the batch.
    let images: Int

    /// Of what `planner` has planned for inputs of these shapes; nil where there are not several images, or they may not be
    /// on their own, or it would not pay.
    init?(of shapes: [String: Shape], values: [String: Tensor], _ planner: Planner) {
        let counts = Set(shapes.values.map { $0.dimensions.first ?? 0 })
        guard planner.options.optimizes, values.isEmpty, counts.count == 1, let images = counts.first, images > 1,
            Self.pays(planner, images: images)
        else { return nil }
        var single: [String: Shape] = [:]
        for (name, shape) in shapes {
            guard let one = try? Shape([1] + shape.dimensions.dropFirst()) else { return nil }
            single[name] = one
        }
        var one = Planner(model: planner.model, options: planner.options, store: planner.store)
        guard (try? one.fixTypes(single)) != nil, planner.keepsImagesApart(as: one, images: images),
            let plan = try? Plan(typed: one, imagePlan: { _ in nil })
        else { return nil }
        self.plan = plan
        self.images = images
    }

    /// Whether an image has work enough to pay for going through all steps, and reading the weights, again.
    private static func pays(_ planner: Planner, images: Int) -> Bool {
        let bytes = planner.weightBytes
        let operations = planner.steps.reduce(0) { $0 + $1.prepared.operations } / Double(images)
        // Operations a byte: of weights in the second cache, or in the third. Those in memory are read once for all images.
        guard bytes <= 32 << 20, operations >= 200_000 else { return false }
        return operations >= (bytes <= 512 << 10 ? 2 : 30) * Double(bytes)
    }
}
